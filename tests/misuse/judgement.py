"""What is held against an error: its type, what its message says, and which cause it tells of."""

from __future__ import annotations

import re
import warnings

from tests.misuse.case import Misuse

SHORTEST, LONGEST, MEDIAN = 20, 420, 300
#: words that say what came
RECEIVED = re.compile(r"\b(received|returned|of shape|requires grad)\b")


def raised(misuse: Misuse) -> BaseException | None:
    """What the call raises; traps of old releases may be warned of before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            misuse.call()
        except Exception as error:
            return error
    return None


def faults(misuse: Misuse, error: BaseException | None) -> list[str]:
    """What an error lacks; nothing if it is as promised."""
    if type(error) is not misuse.error:
        return [f"expected {misuse.error.__name__}, received {type(error).__name__}: {error}"]
    message, found = str(error), []
    if not re.search(rf"(?<![\w.]){re.escape(misuse.argument)}(?!\w)", message):
        found.append(f"does not name {misuse.argument}")
    if not RECEIVED.search(message):
        found.append("does not say what came")
    found += [f"lacks {piece!r}" for piece in (misuse.way_out, *misuse.states) if piece not in message]
    if "\n" in message:
        found.append("is more than one line")
    if not SHORTEST < len(message) < LONGEST:
        found.append(f"has {len(message)} characters")
    return [f"{fault}: {message}" for fault in found]


#: what differs between two messages of one cause: values, shapes, types, names of classes
_VALUES = [
    (r" Did you mean .*\?", ""),
    (r" \(and \d+ more\)", ""),
    (r"'[^']*'|\"[^\"]*\"", "VALUE"),
    (r"<[^<>]*>", "VALUE"),
    (r"torch\.(u?int|float|bfloat|complex|bool|qint|sparse|jagged)\w*", "DTYPE"),
    (r"\b(ndarray|list|dict|tuple|set|str|int|float|bool|complex|NoneType|None|True|False|Tensor|array|tensor|generator|function|type)\b", "KIND"),
    (r"\b[A-Z][a-z0-9]+([A-Z][a-z0-9]*)+\b|\b(Hinge|Huber|Poisson|Dice|Tversky|Circle|CTC)\b", "CLASS"),
    (r"(?<=received )[A-Z]\w*", "CLASS"),
    (r"[-+]?\d+(\.\d+)*(e[-+]?\d+)?|\b(nan|inf)\b", "#"),
    (r"[(\[{](\s|,|:|#|VALUE|KIND|DTYPE|SHAPE|\.\.)*[)\]}]", "SHAPE"),
    (r"[(\[{](\s|,|:|#|VALUE|KIND|DTYPE|SHAPE|\.\.)*[)\]}]", "SHAPE"),  # once more, for a list of shapes
    (r"(VALUE|KIND|DTYPE|CLASS|#|SHAPE)([ ,:]*(VALUE|KIND|DTYPE|CLASS|#|SHAPE))*", "~"),
]  # fmt: skip


def cause_told(argument: str, message: str) -> tuple[str, str]:
    """The argument and the message without its values: two misuses that agree in both have one cause."""
    for pattern, stand_in in _VALUES:
        message = re.sub(pattern, stand_in, message)
    return argument, message
