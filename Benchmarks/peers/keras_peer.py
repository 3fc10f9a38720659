"""TensorFlow's training step as one graph, of tf_keras's layers, whose BatchNormalization has renorm=True."""

import os

import protocol

options = protocol.parse(__doc__)
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import tensorflow as tf
import tf_keras

import networks

L = tf_keras.layers


def norm():
    if options.norm == "batch":
        return L.BatchNormalization(momentum=0.9, epsilon=protocol.EPSILON)
    if options.norm == "batch-renorm":
        return L.BatchNormalization(
            renorm=True, momentum=1 - protocol.AVERAGING_RATE, renorm_momentum=1 - protocol.AVERAGING_RATE,
            epsilon=protocol.EPSILON,
            renorm_clipping={"rmax": protocol.R_MAX, "rmin": 1 / protocol.R_MAX, "dmax": protocol.D_MAX})
    return L.GroupNormalization(int(options.norm.split(":")[1]), epsilon=protocol.EPSILON)


def apply_all(layers, x):
    for layer in layers:
        x = apply(layer, x)
    return x


def padded(layer, x, value=0.0):
    """Padding is explicit, because Keras's `same` puts the odd cell elsewhere than PyTorch."""
    if not layer.padding:
        return x
    if value:
        sizes = [[0, 0], [layer.padding] * 2, [layer.padding] * 2, [0, 0]]
        return L.Lambda(lambda y: tf.pad(y, sizes, constant_values=value))(x)
    return L.ZeroPadding2D(layer.padding)(x)


def apply(layer, x):
    if isinstance(layer, networks.Conv):
        # With stride 1 and an odd kernel, `same` is the same as explicit padding, without a copy.
        same = layer.stride == 1 and layer.kernel == 2 * layer.padding + 1
        if not same:
            x = padded(layer, x)
        settings = {"padding": "same" if same else "valid", "use_bias": False}
        if layer.groups > 1:
            return L.DepthwiseConv2D(layer.kernel, layer.stride, **settings)(x)
        return L.Conv2D(layer.outputs, layer.kernel, layer.stride, **settings)(x)
    if isinstance(layer, networks.Norm):
        return norm()(x)
    if isinstance(layer, networks.Relu):
        return L.ReLU(layer.limit)(x)
    if isinstance(layer, networks.MaxPool):
        return L.MaxPooling2D(layer.kernel, layer.stride)(padded(layer, x, value=-1e30))
    if isinstance(layer, networks.Residual):
        return L.Add()([apply_all(layer.body, x), apply_all(layer.shortcut, x)])
    if isinstance(layer, networks.GlobalAverage):
        return L.GlobalAveragePooling2D()(x)
    if isinstance(layer, networks.Dropout):
        return L.Dropout(layer.rate)(x)
    return L.Dense(layer.outputs)(x)


def make():
    tf.random.set_seed(0)
    inputs = L.Input(options.input, options.batch)
    layers = networks.network(options.model, options.input, options.classes)
    model = tf_keras.Model(inputs, apply_all(layers, inputs))
    optimizer = tf_keras.optimizers.legacy.SGD(protocol.RATE, protocol.MOMENTUM, nesterov=True)
    images = tf.random.normal((options.batch, *options.input))
    labels = tf.random.uniform((options.batch,), maxval=options.classes, dtype=tf.int32)
    variables = model.trainable_variables

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            logits = model(images, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        gradients = tape.gradient(loss, variables)
        decayed = [g + protocol.DECAY * v if len(v.shape) > 1 else g for g, v in zip(gradients, variables)]
        optimizer.apply_gradients(zip(decayed, variables))
        return loss

    def train(count):
        for _ in range(count):
            loss = step(images, labels)
        loss.numpy()

    return train


def main():
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    protocol.serve("tensorflow", tf.__version__, options, {"graph": make})


if __name__ == "__main__":
    main()
