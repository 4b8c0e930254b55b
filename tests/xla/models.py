"""Training steps of many families, small enough to run on eight virtual devices.

Each model is a function (scale) -> (step, state, batch): `state` and `batch` are pytrees of
ShapeDtypeStruct, `step(state, batch)` gives (new state, loss). Scale 1 runs in a second; larger
scales widen and deepen the model for compile-only comparisons.
"""

import jax
import jax.numpy as jnp
import optax

F32 = jnp.float32
S32 = jnp.int32


def shape(*dims, dtype=F32):
    return jax.ShapeDtypeStruct(dims, dtype)


def train_step(loss_fn, optimizer):
    def step(state, batch):
        loss, grads = jax.value_and_grad(loss_fn)(state["params"], batch)
        updates, opt = optimizer.update(grads, state["opt"], state["params"])
        return {"params": optax.apply_updates(state["params"], updates), "opt": opt}, loss

    return step


def training(loss_fn, params, optimizer=None):
    optimizer = optimizer or optax.adamw(1e-3)
    state = {"params": params, "opt": jax.eval_shape(optimizer.init, params)}
    return train_step(loss_fn, optimizer), state


def cross_entropy(logits, labels):
    logp = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(logp, labels[..., None], axis=-1))


def norm(x, p):
    mean = x.mean(-1, keepdims=True)
    var = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(var + 1e-5) * p["scale"] + p["bias"]


def norm_shape(d):
    return {"scale": shape(d), "bias": shape(d)}


def attention(x, p, causal):
    q, k, v = (jnp.einsum("bsd,dhk->bshk", x, p[n]) for n in "qkv")
    scores = jnp.einsum("bshk,bthk->bhst", q, k) / jnp.sqrt(q.shape[-1]).astype(x.dtype)
    if causal:
        size = x.shape[1]
        keep = jnp.arange(size)[:, None] >= jnp.arange(size)[None, :]
        scores = jnp.where(keep[None, None], scores, -1e9)
    out = jnp.einsum("bhst,bthk->bshk", jax.nn.softmax(scores), v)
    return jnp.einsum("bshk,hkd->bsd", out, p["o"])


def attention_shape(d, heads):
    return {n: shape(d, heads, d // heads) for n in "qkv"} | {"o": shape(heads, d // heads, d)}


def mlp(scale=1):
    d, h = 64 * scale, 128 * scale
    params = {"w1": shape(d, h), "b1": shape(h), "w2": shape(h, 16), "b2": shape(16)}

    def loss(p, batch):
        x = jax.nn.relu(batch["x"] @ p["w1"] + p["b1"])
        return cross_entropy(x @ p["w2"] + p["b2"], batch["y"])

    step, state = training(loss, params, optax.sgd(0.1, momentum=0.9))
    return step, state, {"x": shape(32, d), "y": shape(32, dtype=S32)}


def vgg(scale=1):
    widths = [16 * scale, 32 * scale]
    params, last = {}, 8
    for i, width in enumerate(widths):
        params[f"conv{i}"] = {"w": shape(3, 3, last, width), "b": shape(width)}
        last = width
    params["fc1"] = {"w": shape(4 * 4 * last, 64), "b": shape(64)}
    params["fc2"] = {"w": shape(64, 16), "b": shape(16)}

    def loss(p, batch):
        x = batch["image"]
        for i in range(len(widths)):
            x = jax.lax.conv_general_dilated(x, p[f"conv{i}"]["w"], (1, 1), "SAME",
                                             dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.nn.relu(x + p[f"conv{i}"]["b"])
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = jax.nn.relu(x.reshape(x.shape[0], -1) @ p["fc1"]["w"] + p["fc1"]["b"])
        return cross_entropy(x @ p["fc2"]["w"] + p["fc2"]["b"], batch["y"])

    step, state = training(loss, params, optax.sgd(0.1, momentum=0.9))
    return step, state, {"image": shape(16, 16, 16, 8), "y": shape(16, dtype=S32)}


def gpt(scale=1):
    d, heads, layers, vocab, seq = 64 * scale, 8, 2, 256, 32
    layer = {"ln1": norm_shape(d), "att": attention_shape(d, heads), "ln2": norm_shape(d),
             "up": shape(d, 4 * d), "down": shape(4 * d, d)}
    params = {"embed": shape(vocab, d), "pos": shape(seq, d), "final": norm_shape(d),
              "layers": [layer] * layers}

    def loss(p, batch):
        x = p["embed"][batch["tokens"]] + p["pos"]
        for l in p["layers"]:
            x = x + attention(norm(x, l["ln1"]), l["att"], causal=True)
            x = x + jax.nn.gelu(norm(x, l["ln2"]) @ l["up"]) @ l["down"]
        return cross_entropy(norm(x, p["final"]) @ p["embed"].T, batch["targets"])

    step, state = training(loss, params)
    return step, state, {"tokens": shape(16, seq, dtype=S32), "targets": shape(16, seq, dtype=S32)}


def deep_decoder(layers=6, remat=0):
    """Deep enough that rematerialisation (remat != 0: jax.checkpoint around each block) shows in memory."""
    d, heads, vocab, seq = 128, 4, 256, 128
    layer = {"ln1": norm_shape(d), "att": attention_shape(d, heads), "ln2": norm_shape(d),
             "up": shape(d, 4 * d), "down": shape(4 * d, d)}
    params = {"embed": shape(vocab, d), "layers": [layer] * layers}

    def block(x, l):
        x = x + attention(norm(x, l["ln1"]), l["att"], causal=True)
        return x + jax.nn.gelu(norm(x, l["ln2"]) @ l["up"]) @ l["down"]

    def loss(p, batch):
        x = p["embed"][batch["tokens"]]
        for l in p["layers"]:
            x = jax.checkpoint(block)(x, l) if remat else block(x, l)
        return cross_entropy(x @ p["embed"].T, batch["targets"])

    step, state = training(loss, params)
    return step, state, {"tokens": shape(16, seq, dtype=S32), "targets": shape(16, seq, dtype=S32)}


def scanned_decoder(scale=1):
    d, heads, layers, vocab, seq = 64 * scale, 8, 4, 256, 32
    one = {"ln1": norm_shape(d), "att": attention_shape(d, heads), "up": shape(d, 4 * d),
           "down": shape(4 * d, d)}
    stacked = jax.tree.map(lambda s: shape(layers, *s.shape), one)
    params = {"embed": shape(vocab, d), "layers": stacked, "head": shape(d, vocab)}

    def loss(p, batch):
        def body(x, l):
            x = x + attention(norm(x, l["ln1"]), l["att"], causal=True)
            return x + jax.nn.relu(x @ l["up"]) @ l["down"], None

        x, _ = jax.lax.scan(body, p["embed"][batch["tokens"]], p["layers"])
        return cross_entropy(x @ p["head"], batch["targets"])

    step, state = training(loss, params)
    return step, state, {"tokens": shape(16, seq, dtype=S32), "targets": shape(16, seq, dtype=S32)}


def moe(scale=1):
    """Every expert on every token, weighted by a router: dense mixture of experts."""
    d, experts, tokens = 64 * scale, 8, 64
    params = {"in": shape(16, d), "router": shape(d, experts), "up": shape(experts, d, 2 * d),
              "down": shape(experts, 2 * d, d), "out": shape(d, 16)}

    def loss(p, batch):
        x = batch["x"] @ p["in"]
        weight = jax.nn.softmax(x @ p["router"])
        hidden = jax.nn.relu(jnp.einsum("td,edf->tef", x, p["up"]))
        y = jnp.einsum("tef,efd,te->td", hidden, p["down"], weight)
        return cross_entropy((x + y) @ p["out"], batch["y"])

    step, state = training(loss, params)
    return step, state, {"x": shape(tokens, 16), "y": shape(tokens, dtype=S32)}


def dlrm(scale=1):
    """Embedding tables, pairwise interaction, two dense towers."""
    d, rows, tables = 32 * scale, 512, 4
    params = {"tables": [shape(rows, d) for _ in range(tables)],
              "bottom": shape(16, d), "top1": shape(d + 10, 64), "top2": shape(64, 1)}

    def loss(p, batch):
        dense = jax.nn.relu(batch["dense"] @ p["bottom"])
        rows_of = [table[batch["ids"][:, i]] for i, table in enumerate(p["tables"])]
        features = jnp.stack([dense] + rows_of, axis=1)
        pairs = jnp.einsum("bid,bjd->bij", features, features)
        upper = jnp.triu_indices(tables + 1, 1)
        x = jnp.concatenate([dense, pairs[:, upper[0], upper[1]]], axis=1)
        logit = (jax.nn.relu(x @ p["top1"]) @ p["top2"])[:, 0]
        return jnp.mean(jnp.maximum(logit, 0) - logit * batch["y"] + jnp.log1p(jnp.exp(-abs(logit))))

    step, state = training(loss, params, optax.adagrad(0.1))
    return step, state, {"dense": shape(64, 16), "ids": shape(64, tables, dtype=S32), "y": shape(64)}


def gru(scale=1):
    d, seq = 64 * scale, 12
    gates = {"w": shape(16, d), "u": shape(d, d), "b": shape(d)}
    params = {"z": gates, "r": gates, "h": gates, "out": shape(d, 16)}

    def loss(p, batch):
        def gate(n, x, h):
            return x @ p[n]["w"] + h @ p[n]["u"] + p[n]["b"]

        def cell(h, x):
            z, r = jax.nn.sigmoid(gate("z", x, h)), jax.nn.sigmoid(gate("r", x, h))
            new = jnp.tanh(gate("h", x, r * h))
            return (1 - z) * h + z * new, None

        h, _ = jax.lax.scan(cell, jnp.zeros((batch["x"].shape[1], d)), batch["x"])
        return cross_entropy(h @ p["out"], batch["y"])

    step, state = training(loss, params)
    return step, state, {"x": shape(seq, 32, 16), "y": shape(32, dtype=S32)}


def vit(scale=1):
    d, heads, patches = 64 * scale, 8, 16
    layer = {"ln1": norm_shape(d), "att": attention_shape(d, heads), "ln2": norm_shape(d),
             "up": shape(d, 4 * d), "down": shape(4 * d, d)}
    params = {"patch": shape(4, 4, 8, d), "pos": shape(patches, d), "layers": [layer] * 2,
              "head": shape(d, 16)}

    def loss(p, batch):
        x = jax.lax.conv_general_dilated(batch["image"], p["patch"], (4, 4), "VALID",
                                         dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = x.reshape(x.shape[0], patches, d) + p["pos"]
        for l in p["layers"]:
            x = x + attention(norm(x, l["ln1"]), l["att"], causal=False)
            x = x + jax.nn.gelu(norm(x, l["ln2"]) @ l["up"]) @ l["down"]
        return cross_entropy(x.mean(1) @ p["head"], batch["y"])

    step, state = training(loss, params)
    return step, state, {"image": shape(16, 16, 16, 8), "y": shape(16, dtype=S32)}


def mixer(scale=1):
    """Token mixing and channel mixing by dense layers, transposed in between."""
    d, patches = 64 * scale, 16
    layer = {"ln1": norm_shape(d), "token": shape(patches, 2 * patches), "token_back": shape(2 * patches, patches),
             "ln2": norm_shape(d), "up": shape(d, 2 * d), "down": shape(2 * d, d)}
    params = {"patch": shape(4, 4, 8, d), "layers": [layer] * 2, "head": shape(d, 16)}

    def loss(p, batch):
        x = jax.lax.conv_general_dilated(batch["image"], p["patch"], (4, 4), "VALID",
                                         dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = x.reshape(x.shape[0], patches, d)
        for l in p["layers"]:
            y = norm(x, l["ln1"]).transpose(0, 2, 1)
            x = x + (jax.nn.gelu(y @ l["token"]) @ l["token_back"]).transpose(0, 2, 1)
            x = x + jax.nn.gelu(norm(x, l["ln2"]) @ l["up"]) @ l["down"]
        return cross_entropy(x.mean(1) @ p["head"], batch["y"])

    step, state = training(loss, params)
    return step, state, {"image": shape(16, 16, 16, 8), "y": shape(16, dtype=S32)}


def unet(scale=1):
    """Down and up again, channels joined: strided and transposed convolutions, group norm."""
    c = 16 * scale
    params = {"in": shape(3, 3, 4, c), "down": shape(3, 3, c, 2 * c), "mid": shape(3, 3, 2 * c, 2 * c),
              "up": shape(2, 2, 2 * c, c), "out": shape(3, 3, 2 * c, 4), "norm": norm_shape(2 * c)}
    numbers = ("NHWC", "HWIO", "NHWC")

    def conv(x, w, stride=1):
        return jax.lax.conv_general_dilated(x, w, (stride, stride), "SAME", dimension_numbers=numbers)

    def group_norm(x, p, groups=8):
        g = x.reshape(*x.shape[:3], groups, -1)
        mean = g.mean((1, 2, 4), keepdims=True)
        var = ((g - mean) ** 2).mean((1, 2, 4), keepdims=True)
        return ((g - mean) * jax.lax.rsqrt(var + 1e-5)).reshape(x.shape) * p["scale"] + p["bias"]

    def loss(p, batch):
        a = jax.nn.relu(conv(batch["image"], p["in"]))
        b = jax.nn.relu(group_norm(conv(a, p["down"], 2), p["norm"]))
        b = jax.nn.relu(conv(b, p["mid"]))
        up = jax.lax.conv_transpose(b, p["up"], (2, 2), "VALID", dimension_numbers=numbers)
        y = conv(jnp.concatenate([a, up], axis=-1), p["out"])
        return jnp.mean((y - batch["noise"]) ** 2)

    step, state = training(loss, params)
    return step, state, {"image": shape(16, 16, 16, 4), "noise": shape(16, 16, 16, 4)}


def gcn(scale=1):
    """A graph network: gather along edges, scatter-add into nodes."""
    d, nodes, edges = 64 * scale, 128, 512
    params = {"in": shape(16, d), "w": [shape(d, d), shape(d, d)], "out": shape(d, 16)}

    def loss(p, batch):
        x = batch["x"] @ p["in"]
        for w in p["w"]:
            messages = jnp.take(x @ w, batch["from"], axis=0)
            x = jax.nn.relu(x + jnp.zeros_like(x).at[batch["to"]].add(messages))
        return cross_entropy(x @ p["out"], batch["y"])

    step, state = training(loss, params)
    ids = shape(edges, dtype=S32)
    return step, state, {"x": shape(nodes, 16), "from": ids, "to": ids, "y": shape(nodes, dtype=S32)}


def wavenet(scale=1):
    """Dilated causal convolutions with gates."""
    d, steps = 32 * scale, 64
    layer = {"filter": shape(2, d, d), "gate": shape(2, d, d), "skip": shape(d, d)}
    params = {"in": shape(1, 8, d), "layers": [layer] * 3, "out": shape(d, 16)}

    def conv(x, w, dilation):
        pad = [((w.shape[0] - 1) * dilation, 0)]
        return jax.lax.conv_general_dilated(x, w, (1,), pad, rhs_dilation=(dilation,),
                                            dimension_numbers=("NWC", "WIO", "NWC"))

    def loss(p, batch):
        x = conv(batch["x"], p["in"], 1)
        skip = 0
        for i, l in enumerate(p["layers"]):
            y = jnp.tanh(conv(x, l["filter"], 2**i)) * jax.nn.sigmoid(conv(x, l["gate"], 2**i))
            skip, x = skip + y @ l["skip"], x + y
        return cross_entropy(jax.nn.relu(skip) @ p["out"], batch["y"])

    step, state = training(loss, params)
    return step, state, {"x": shape(16, steps, 8), "y": shape(16, steps, dtype=S32)}


def sparse_moe(scale=1):
    """Top-1 routing into expert buffers of fixed capacity, by sort-free dispatch masks."""
    d, experts, tokens, capacity = 64 * scale, 8, 64, 16
    params = {"in": shape(16, d), "router": shape(d, experts), "up": shape(experts, d, 2 * d),
              "down": shape(experts, 2 * d, d), "out": shape(d, 16)}

    def loss(p, batch):
        x = batch["x"] @ p["in"]
        gate = jax.nn.softmax(x @ p["router"])
        expert = jax.nn.one_hot(gate.argmax(-1), experts)
        place = jnp.cumsum(expert, axis=0) * expert
        keep = jax.nn.one_hot(place.max(-1).astype(S32) - 1, capacity)
        dispatch = expert[:, :, None] * keep[:, None, :]
        inside = jnp.einsum("td,tec->ecd", x, dispatch)
        hidden = jax.nn.relu(jnp.einsum("ecd,edf->ecf", inside, p["up"]))
        outside = jnp.einsum("ecf,efd->ecd", hidden, p["down"])
        y = jnp.einsum("ecd,tec->td", outside, dispatch) * gate.max(-1)[:, None]
        return cross_entropy((x + y) @ p["out"], batch["y"])

    step, state = training(loss, params)
    return step, state, {"x": shape(tokens, 16), "y": shape(tokens, dtype=S32)}


MODELS = {f.__name__: f for f in (mlp, vgg, gpt, scanned_decoder, moe, dlrm, gru, vit, mixer, unet,
                                  gcn, wavenet, sparse_moe)}
