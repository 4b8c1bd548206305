"""Who gives whom how much, as a small picture.

Letters: N seats.
"""

import numpy as np


def weights(shares: np.ndarray, title: str) -> np.ndarray:
    """A heat map of weights w_ij: one row per giver, one column per receiver.

    Args:
        shares: ``[N, N]`` shares in [0, 1], giver first; NaN is left blank.
        title: above the picture.

    Returns:
        ``[h, w, 3]`` uint8.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    seats = range(len(shares))
    figure = Figure(figsize=(3.2, 3.0), dpi=80, layout="constrained")
    axis = figure.add_subplot()
    axis.imshow(shares, vmin=0.0, vmax=1.0, cmap="viridis")
    if len(shares) <= 8:
        for (giver, receiver), share in np.ndenumerate(shares):
            if np.isfinite(share):
                ink = "black" if share > 0.5 else "white"
                axis.text(receiver, giver, f"{share:.2f}", ha="center", va="center", color=ink)
    axis.set_xticks(seats)
    axis.set_yticks(seats)
    axis.set(title=title, xlabel="to seat", ylabel="from seat")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
