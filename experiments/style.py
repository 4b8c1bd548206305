"""One look for every figure: a colour and a label per algorithm."""

INK = "#292524"

LABELS = {
    "a2c": "A2C",
    "ia": "IA",
    "si": "SI",
    "lio": "LIO",
    "lio_unpaid": "LIO, unpaid",
    "lola": "LOLA",
    "gift": "equal gifts",
    "lase_wo": "LASE w/o",
    "lase": "LASE",
    "shuffled": "LASE, others' weights",
    "moments": "LASE, other moments'",
    "untrained": "LASE, untrained",
    "real_policy": "LASE, told policies",
    "go": "GO",
    "random": "random",
}
COLOURS = {
    "a2c": "#78716c",
    "ia": "#9333ea",
    "si": "#0891b2",
    "lio": "#db2777",
    "lio_unpaid": "#f9a8d4",
    "lola": "#1e3a8a",
    "gift": "#ca8a04",
    "lase_wo": "#60a5fa",
    "lase": "#dc2626",
    "shuffled": "#f97316",
    "moments": "#fb923c",
    "untrained": "#fca5a5",
    "real_policy": "#7f1d1d",
    "go": "#16a34a",
    "random": "#a8a29e",
}
