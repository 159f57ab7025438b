"""What every origin is asked with: the same arrays in every release (numpy only, Python 3.6 and up)."""

import numpy as np

N, STEPS, CLASSES = 6, 4, 3
COSTS = np.array([[1.0, 2.0, 0.5], [5.0, 1.0, 1.2], [3.0, 4.0, 1.0]])
CLASS_WEIGHT = {0: 1.0, 1: 5.0, 2: 0.5}
#: what the five classes of O7 were meant to weigh
PIXEL_WEIGHT = {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0, 4: 1000.0}
SMOOTH = 1.0


def _rng(name):
    return np.random.RandomState(sum(ord(letter) for letter in name))


def _softmax(scores):
    exponentials = np.exp(scores - scores.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def one_hot(labels, classes):
    return np.eye(classes)[labels]


def classes():
    """(probabilities, one-hot, labels): (6, 3), every class there, some predictions wrong."""
    rng = _rng("classes")
    labels = np.array([0, 1, 2, 1, 0, 2])
    return _softmax(2 * rng.normal(size=(N, CLASSES))), one_hot(labels, CLASSES), labels


def sample_weight():
    return np.array([1.0, 0.5, 2.0, 0.0, 3.0, 1.0])


def pixels():
    """(probabilities, one-hot): (2, 4, 4, 3)."""
    rng = _rng("pixels")
    labels = rng.randint(CLASSES, size=(2, 4, 4))
    return _softmax(rng.normal(size=(2, 4, 4, CLASSES))), one_hot(labels, CLASSES)


def unlabelled_pixels():
    """(logits, one-hot): (2, 4, 4, 3); a third of the pixels have no class set."""
    rng = _rng("unlabelled")
    labels = rng.randint(CLASSES, size=(2, 4, 4))
    targets = one_hot(labels, CLASSES) * (rng.uniform(size=(2, 4, 4, 1)) > 0.33)
    return rng.normal(size=(2, 4, 4, CLASSES)), targets


def five_classes():
    """(sigmoids, one-hot): (1, 6, 6, 5): four classes nearly right, the fifth rare and mostly missed."""
    rng = _rng("five")
    labels = rng.choice(4, size=(1, 6, 6))
    labels[:, 2:4, 2:4] = 4
    targets = one_hot(labels, 5)
    p = np.clip(targets * 0.97 + 0.01 + rng.uniform(-0.005, 0.005, size=targets.shape), 0.001, 0.999)
    missed = (labels == 4) & (rng.uniform(size=labels.shape) < 0.75)
    p[missed] = [0.9, 0.05, 0.05, 0.05, 0.1]
    return p, targets


def labels_of_five():
    """(predicted, true) labels of the five classes."""
    p, targets = five_classes()
    return p.argmax(-1), targets.argmax(-1)


def binary():
    """(probabilities, labels): (6, 4), two of them certain and one of those wrong."""
    rng = _rng("binary")
    p = rng.uniform(0.05, 0.95, size=(N, 4))
    p[0, 0], p[1, 1] = 1.0, 0.0
    labels = (rng.uniform(size=(N, 4)) > 0.5).astype("float64")
    labels[0, 0], labels[1, 1] = 1.0, 1.0
    return p, labels


def hundred():
    """(predictions, targets, weights per feature, weights per sample and feature): one hundred outputs."""
    rng = _rng("hundred")
    return (
        rng.normal(size=(3, 100)),
        rng.normal(size=(3, 100)),
        rng.uniform(0.1, 2.0, size=100),
        rng.uniform(0.1, 2.0, size=(3, 100)),
    )


def small():
    """The numbers of O20: (predictions, targets, weights)."""
    return (
        np.array([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]]),
        np.array([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0]]),
        np.array([0.25, 0.5, 1.0, 0.75]),
    )


def steps():
    """(predictions, targets, weights): (6, 4, 2), (6, 4, 2), (6, 4)."""
    rng = _rng("steps")
    weights = rng.uniform(0.0, 2.0, size=(N, STEPS)) * (rng.uniform(size=(N, STEPS)) > 0.25)
    return rng.normal(size=(N, STEPS, 2)), rng.normal(size=(N, STEPS, 2)), weights


def everything():
    """Every array by name, for whoever computes the same elsewhere."""
    (p, t, labels), (pixels_p, pixels_t) = classes(), pixels()
    (logits, some), (five, five_t), (binary_p, binary_t) = unlabelled_pixels(), five_classes(), binary()
    (p100, t100, w100, w_full), (small_p, small_t, small_w), (steps_p, steps_t, steps_w) = hundred(), small(), steps()
    return {
        "p": p, "t": t, "labels": labels, "sample_weight": sample_weight(), "costs": COSTS,
        "pixels_p": pixels_p, "pixels_t": pixels_t, "logits": logits, "some_t": some, "five": five, "five_t": five_t,
        "binary_p": binary_p, "binary_t": binary_t, "p100": p100, "t100": t100, "w100": w100, "w_full": w_full,
        "small_p": small_p, "small_t": small_t, "small_w": small_w,
        "request_p": np.array([[0.5, 0.4, 0.1], [0.1, 0.4, 0.5]]), "request_t": np.eye(3)[[1, 1]],
        "steps_p": steps_p, "steps_t": steps_t, "steps_w": steps_w, "steps_mask": steps_mask(),
    }  # fmt: skip


def steps_mask():
    """(6, 4): every fifth step is hidden."""
    return (np.arange(N * STEPS).reshape(N, STEPS) % 5 != 0).astype("float64")
