"""Kong et al. 2024, "Learning to Balance Altruism and Self-interest Based on Empathy" (LASE)."""

from pathlib import Path

from experiments.paper import dilemmas
from experiments.paper.book import SUMMARY, Analysis, Paper, Question, Shown
from experiments.paper.lase import claims, figures, stages, summary, tables
from experiments.theory import analysis as theory

HERE = Path(__file__).parent
ANALYSES = {
    "theory": Analysis(
        lambda scale, out: theory.write(theory.Analysis(points=scale.points, out=out)),
        theory.HERE,
        "plane",
    ),
    dilemmas.NAME: dilemmas.ANALYSIS,
}
LOSSES = (
    "LASE gives 11.6 % of its gains and 2.8 % of its losses, networks that never learn 22 % and "
    "5 %: co-players learn to take coins where no loss comes back. Equal gifts of gains are as "
    "large a share of the gains as LASE's and hand no losses on."
)
SOONER = (
    "LOLA's deviation over seeds is larger than LASE's, as the rule asks; it is not slower and "
    "needs fewer steps."
)
ROLLOUTS = (
    "In the Coin Game LASE w/o learns from rollouts of whole episodes and LASE from rollouts of 25 "
    "steps, as trials chose; elsewhere they differ in perspective taking alone. In the IPD, which "
    "the claim leaves out, LASE w/o earns more. Told co-players' policies LASE gives less, and the "
    "group earns less: what is foreseen is not paid for, so that knowing more is no ceiling."
)
GUILT = (
    "IA here is guilt without envy (alpha 0), as trials chose; with its authors' alpha of 5 it "
    "earned less. All settings stand below, the trials in `learning_curves/tuning.md`."
)
LETTER = (
    "A cleaner that always cleans is foreseen after a while, so that what it does is no surprise "
    "and its weight falls below that of a random player. By the letter of equation 5 pi_SR learns "
    "from Q_SR's TD errors, settles on few actions and foresees nobody (see the log): then the "
    "cleaner's weight falls less, and stays above the random player's in half of the seeds."
)
EXPLOITED = (
    "In the paper the group earns about as much with one LASE as with GO, which is no part of the "
    "rule; here it earns less than half. In Snowdrift the one LASE has two thirds of what the "
    "others have."
)
BOUND = "Below the dashed line some starts end where both defect."
UNFINISHED = "In the Stag-Hunt returns still rise at the end of training, but for GO's and IA's."
SOCIETIES = (
    "Dotted: what every agent has if one of them defects, in the mean. All other games, from the "
    "extended ones to Harvest and the boxes, stand in `experiments/schelling/results.md`."
)
SHOWN = {
    1: Shown(("fig4",), tables.iterated_dilemma, SOONER),
    2: Shown(("theory/plane",), note=BOUND),
    3: Shown(("fig5", "controls"), tables.self_play, UNFINISHED),
    5: Shown(note=LOSSES),
    6: Shown(table=tables.gifts),
    7: Shown(note=ROLLOUTS),
    8: Shown(note=GUILT),
    9: Shown(table=tables.equality),
    10: Shown(("fig6_7",)),
    11: Shown(("fig8",), note=LETTER),
    12: Shown(("fig9",), tables.one_giver, EXPLOITED),
    13: Shown(table=tables.weights),
    14: Shown(table=tables.uncertainty),
    15: Shown(table=tables.extended),
    16: Shown(("schelling/diagrams",), note=SOCIETIES),
}
QUESTIONS = {
    "Is it the size? (question 39)": Question(
        "Equal gifts of many sizes, by LASE's learner: what others give can be read beside equal "
        "gifts of the same share. Where a point stands above the line, it matters to whom, or "
        "when, this share is given.",
        "sizes",
        tables.sizes,
        tables.whose_size,
    ),
    "Free riders, and the price of being exploited (questions 19 and 24)": Question(
        "Does inference keep gifts from those who do not help? What a giver pays free riders is "
        "reward per episode; what it, and the group, gain by giving is the difference to the last "
        "row of each case, in which nobody gives. A gain below 0 is the price of being exploited.",
        "free_riders",
        tables.free_riders,
        tables.kept_from_riders,
    ),
    "A co-player that changes (question 21)": Question(
        "LASE beside a helper, a defector, and a player that stops helping, or begins, in the "
        "middle of training: in how many seeds its weight follows, by more than it deviates from "
        "its mean before and in the end, and after how many episodes half of its change has come "
        "(of those seeds; sooner than the next weight that is kept cannot be told).",
        "changing",
        tables.changing,
        tables.follows,
    ),
    "Graded helpfulness (question 22)": Question(
        "LASE beside five players that help in a share of the episodes: is its weight to them in "
        "the order of their help? The weights of networks that never learn stand beside.",
        "graded",
        tables.graded,
        tables.ranked,
    ),
    "Looking helpful (question 23)": Question(
        "Weights of LASE, and of networks that never learn, beside a helper, a defector, and a "
        "player that goes where the helper goes and does nothing there.",
        "pretenders",
        tables.pretenders,
        tables.taken_in,
    ),
    "How well co-players are foreseen": Question(
        "Cross-entropy in nats of pi_SR on the agent's own observations and of co-players' actions "
        "on imagined views, beside that of a uniform guess: where theirs is higher, knowing "
        "nothing would be better.",
        "",
        tables.calibration,
        tables.worse_than_blind,
    ),
    "Settings, one by one": Question(
        "Snowdrift with one setting of LASE or of the game changed, three seeds of each; where the "
        "game is changed equal gifts stand beside, of the same share as in Fig. 5.",
        "sensitivity",
        tables.sensitivity,
        tables.spread,
    ),
}

PAPER = Paper(
    name="lase",
    source="Kong et al. 2024 (LASE)",
    title="LASE, judged",
    method="LASE",
    mechanism="inference",
    control="give as large a share of their reward without inferring anything",
    folder=HERE,
    report=HERE.parent.parent / "REPORT.md",
    stages=stages.STAGES,
    rules=claims.RULES,
    figures={SUMMARY: summary.figure, **figures.FIGURES},
    summary=summary.text,
    front=summary.front,
    settings=tables.settings,
    shown=SHOWN,
    questions=QUESTIONS,
    analyses=ANALYSES,
)
