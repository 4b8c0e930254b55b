"""What tests/tools/export_tensorflow.py made tf_mlp.hlo.pb.gz from."""

import tensorflow as tf

def make():
    w1 = tf.Variable(tf.random.normal([32, 64]), name="w1")
    b1 = tf.Variable(tf.zeros([64]), name="b1")
    w2 = tf.Variable(tf.random.normal([64, 16]), name="w2")
    m = [tf.Variable(tf.zeros_like(v), name=v.name.split(":")[0] + "_momentum") for v in (w1, b1, w2)]
    trained = [w1, b1, w2]

    def step(x, y):
        with tf.GradientTape() as tape:
            h = tf.nn.relu(x @ w1 + b1)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=h @ w2))
        for v, s, g in zip(trained, m, tape.gradient(loss, trained)):
            s.assign(0.9 * s + g)
            v.assign_sub(0.1 * s)
        return loss

    return step, [tf.zeros([16, 32]), tf.zeros([16], tf.int32)], trained
