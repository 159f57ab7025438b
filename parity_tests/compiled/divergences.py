"""What ``CompiledLoss`` does otherwise than a release: a pattern of "release | case | door", and why."""

_OLD = r"(keras2\.\d\.\d|tf1\.1[23])"
_NO_MORE_THAN_ONE = r"(tf2\.([2-9]|1\d)|tf_keras2\.\d+|keras3\.\d+(-torch)?)"

DIVERGENCES: list[tuple[str, str]] = [
    (
        _OLD + r" \| outputs: (dict.*|nested, one string) \| .*",
        "The release cannot build a model that returns a dict or nests its outputs, so it never comes to its loss. A PyTorch model returns what it likes.",
    ),
    (
        r"tf(1\.1[45]|2\.[01]) \| outputs: nested, one string \| .*",
        "The release takes no nested targets. A PyTorch model returns what it likes.",
    ),
    (
        r"((keras2\..*|tf1\..*|tf2\.[01]) \| penalty: add_loss of a value per sample \| (train|evaluate))|(keras2\.3\.\d \| penalty: add_loss of a value per sample \| fit)",
        "The release makes a vector of the total loss, which no number can be compared with; its gradient is that of the sum. An error says so here.",
    ),
    (
        r"tf2\.0 \| activations: certain \| (fit|evaluate)",
        "The release finds the logits behind a sigmoid in fit and evaluate, and not in train_on_batch, which its row was recorded from.",
    ),
    (
        r"tf2\.1 \| class_weight: two outputs, validation_split \| fit",
        "The release loses the class weights of the second output where the first has none and validation_split is given, and there alone.",
    ),
    (
        r"tf2\.[01] \| (loss: list with None, three outputs|weights: dict with None for a loss of None|weights: list, a loss of None between) \| .*",
        "The release compares the targets of outputs that come after one without a loss with the predictions of that one. An error says so here.",
    ),
    (
        r"keras3\.[56](-torch)? \| outputs: nested.* \| .*",
        "The release prints the losses of nested outputs under the names of the losses, of which the last stays. Here they have the names of later releases.",
    ),
    (
        r"keras3\.5(-torch)? \| outputs: dict, losses without an output \| .*",
        "Keras 3.5 refuses what 3.6 takes; both are one row.",
    ),
    (
        r"keras3\.[0-2](-torch)? \| weights: one output, float \| .*",
        "Keras 3.0 to 3.2 refuse a number where the loss of the only output stands in a list, 3.3 takes it; there is one meaning it can have.",
    ),
    (
        r"(tf2\.(6|10)|tf_keras2\.15) \| sample_weight: list with None.* \| train",
        "The release fails at None among sample weights in train_on_batch, and takes it in fit and evaluate.",
    ),
    (
        r"keras3\.[2-4] \| loss: list with None first \| (train|fit)",
        "The release moves the loss to an output that is not trained here, and refuses to train nothing. A loss may be without gradient here.",
    ),
    (
        r"keras3\.2 \| penalty: add_loss of a value per sample \| .*",
        "Keras 3.2 fails at a penalty that is no number, 3.3 adds it up; both are one row.",
    ),
    (
        r"keras3\.[0-4](-torch)? \| outputs: nested, one string \| .*",
        "The release cannot build a model that nests its outputs. A PyTorch model returns what it likes.",
    ),
    (
        r"keras3\.[0-6](-torch)? \| sample_weight: (dict.*|list too short) \| train",
        "The release takes other forms of sample weights in train_on_batch than in fit and evaluate; the rules here are those of fit.",
    ),
    (
        r"keras3\.(\d|1[01])(-torch)? \| sample_weight: list with None.* \| (fit|evaluate)",
        "The release fails at None among sample weights in fit and evaluate, and takes it in train_on_batch. Outputs without weights may have None here.",
    ),
    (
        r"keras3\.(\d|1[0-3]) \| penalty: (activity l1|kernel l1|kernel and activity) \| .*",
        "The release fails at l1 in float64, which it was asked in; in float32 it adds it up.",
    ),
    (
        _NO_MORE_THAN_ONE
        + r" \| class_weight: (dict by name.*|of two outputs.*|two outputs, validation_split) \| (train|fit)",
        "The release takes class weights for models with one output alone. Here each output may have its own, by name: that people ask for since 2016, "
        "and no number of the release contradicts it.",
    ),
    (
        r"(tf2\.([2-9]|1\d)|tf_keras2\.\d+) \| class_weight: beside sample_weight \| (train|fit)",
        "As above, beside sample weights: the row multiplies them, as the release does for models with one output.",
    ),
    (
        r"(tf2\.([2-9]|1\d)|tf_keras2\.\d+) \| loss: (None|list of None) \| evaluate",
        "The release evaluates a model without a loss to 0 and refuses to train it. A total of nothing is an error here, wherever it is asked for.",
    ),
    (
        r"(tf2\.([2-9]|1\d)|tf_keras2\.\d+) \| weights: empty list \| evaluate",
        "The release evaluates to 0 where no output has a weight and refuses to train. It is an error here, wherever it is asked for.",
    ),
    (
        r"(tf2\.([2-9]|1\d)|tf_keras2\.\d+) \| weights: array \| .*",
        "The release multiplies the loss of every output by the whole array, prints the mean of what comes out and trains on its sum. An array is a list of weights here.",
    ),
    (
        r"keras3\.([7-9]|1\d)(-torch)? \| loss: one output, list too long \| .*",
        "The release prints a_loss, always 0, for the loss that it drops. Only the total is printed here.",
    ),
    (
        r"keras3\.1[45] \| penalty: kernel l2 with a factor that float32 rounds \| .*",
        "The release keeps the factor of a regularizer in float32, whatever the weights are; 0.1 is 0.1 here.",
    ),
    (
        r"tf1\.1[2-4] \| sample_weight: list \| steps",
        "The release does not take the weights of several outputs out of a tf.data.Dataset. CompiledLoss does not see where a batch comes from.",
    ),
]
