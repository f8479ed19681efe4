"""The editor's network through ONNX Runtime: the `fast` extra, `pip install synthderm[fast]`.

An edit's network is a few dozen small operations, and ONNX Runtime spends a microsecond on each where torch spends
several. From the 64 px look to the maps that are laid over the image everything is one graph, written down here from the
module's weights. It says the same as `EczemaEditor.forward` and `synthderm.editor.mix`, to rounding.
"""

import importlib.util
import os
import weakref
from functools import cache

import numpy as np
import torch
from torch import Tensor

from synthderm.color import FLOOR
from synthderm.editor import CHANNELS, DRIED, GRID, LOOK, LOWEST, RANGE, SIGNS, WHITE, EczemaEditor, Paint

BACKENDS = ("auto", "torch", "onnx")
OPSET, IR = 17, 8  # what onnx 1.12 and onnxruntime 1.12 read already
# A session can't be pickled or copied, and is not for a forked process: kept here, not in the module, with the weights
# that it was made of.
_sessions: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


@cache
def is_installed() -> bool:
    """Whether onnxruntime and onnx, which writes the graph down, can be imported."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnxruntime", "onnx"))


def check_backend(backend: str) -> str:
    """The backend, where it is one and is installed.

    Raises:
        ValueError: none of "auto", "torch" and "onnx".
        ImportError: "onnx" without ONNX Runtime.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend={backend!r} is none of {', '.join(BACKENDS)}.")
    if backend == "onnx" and not is_installed():
        raise ImportError("backend='onnx' needs onnxruntime and onnx: pip install synthderm[fast], or leave backend='auto'.")
    return backend


def session_for(editor: EczemaEditor, backend: str = "auto"):
    """An ONNX Runtime session of this editor as it is now, or None where torch is to run it: without the extra, on another
    device than the CPU, and with "auto" while its weights are being trained."""
    if backend == "torch" or not is_installed() or type(editor) is not EczemaEditor:
        return None
    weights = [weight for layer in editor._modules.values() for weight in layer._parameters.values()]  # editor.parameters() takes 10 times as long
    first = weights[0]
    if first.device.type != "cpu" or first.dtype != torch.float32 or (backend == "auto" and any(weight.requires_grad for weight in weights)):
        return None
    state = os.getpid(), *((weight.data_ptr(), weight._version) for weight in weights)
    held, session = _sessions.get(editor, (None, None))
    if held != state:
        session = start(graph(editor))
        _sessions[editor] = state, session
    return session


def start(model: bytes):
    """A session of one thread: a DataLoader has a process for each core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def paint(session, look: Tensor, where: Tensor, severity: Tensor, direction: int, noise: Tensor, signs: Tensor, top: float) -> Paint:
    """What `EczemaEditor.forward` and `mix` make of these, all on the CPU; `direction` is +1 or -1."""
    count = len(look)
    knobs = np.zeros((count, 2 + len(SIGNS)), np.float32)
    amount = severity.numpy()
    knobs[:, 0], knobs[:, 1] = amount if direction > 0 else 1.0, direction
    if direction > 0:
        knobs[:, 2:], noise = signs.numpy(), noise.numpy()
    else:
        noise = np.zeros((count, 2, LOOK, LOOK), np.float32)
    given = {"look": look.numpy(), "where": where.numpy(), "noise": noise, "knobs": knobs, "amount": amount.reshape(-1, 1, 1, 1)}
    given["top"] = np.array(top, np.float32)
    return Paint(*map(torch.from_numpy, session.run(None, given)))


class _Writer:
    """Nodes and constants of a graph; each call adds a node and gives the name of its output."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, values) -> str:
        from onnx import numpy_helper

        values = values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)
        values = values.astype(np.float32) if values.dtype.kind == "f" else values
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def __call__(self, kind: str, *inputs, outputs: int = 1, name: str = "", **attributes):
        from onnx import helper

        inputs = [given if isinstance(given, str) else self.constant(given) for given in inputs]
        names = [name or f"n{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names[0] if outputs == 1 else names


def graph(editor: EczemaEditor) -> bytes:
    """The network, and `mix`, as an ONNX model: look (B, 3, 64, 64), where (B, 1, 64, 64), noise (B, 2, 64, 64), knobs
    (B, 2 + signs), amount (B, 1, 1, 1) and top () to the three parts of a `Paint`."""
    import onnx
    from onnx import TensorProto, helper

    add = _Writer()

    def conv(x: str, weight: Tensor, bias: Tensor, stride: int = 1) -> str:
        side = weight.shape[-1]
        edge = side // 2 if side % 2 else 0
        return add("Conv", x, weight, bias, kernel_shape=[side, side], strides=[stride, stride], pads=[edge] * 4)

    def bend(x: str) -> str:
        return add("Mul", x, add("HardSigmoid", x, alpha=1 / 6, beta=0.5))

    def layer(x: str, module) -> str:
        return conv(x, module.weight, module.bias, module.stride[0])

    # `inputs`: the stem is linear, so the sign and scale of the density go into its weights, and the picture's own colour
    # and the knobs into its bias.
    with torch.no_grad():
        stem, knobs = editor.stem.weight.clone(), editor.knobs.weight
        stem[:, :3] *= -3
        from_own = -stem[:, :3].sum((2, 3)) - knobs[:, 2:3] * (2 / 3)
        from_knobs = torch.cat([knobs[:, :2], knobs[:, 3:]], dim=1)
        bias = editor.knobs.bias - knobs[:, 2]
        log = add("Log", add("Max", "look", np.float32(FLOOR)))
        own = add("Flatten", add("GlobalAveragePool", log))
        given = add("Gemm", own, from_own, add("Gemm", "knobs", from_knobs, bias, transB=1), transB=1)
        x = conv(add("Concat", log, "where", "noise", axis=1), stem, editor.stem.bias, 4)
        x = bend(add("Add", x, add("Reshape", given, np.array([0, -1, 1, 1]))))

        # `predict`
        near = add("Add", bend(layer(x, editor.near)), x)
        x = bend(layer(near, editor.down))
        x = add("Add", x, bend(layer(x, editor.far1)))
        x = add("Add", x, bend(layer(x, editor.far2)))
        nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        wide = add("Resize", layer(x, editor.up), "", np.array([1, 1, 2, 2], np.float32), **nearest)
        x = add("Add", wide, near)
        x = add("Add", bend(layer(x, editor.last)), x)

        # `read`, with the channels in the order in which they are laid, and without what was found
        places, at = {}, 0
        for name, count in CHANNELS.items():
            places[name], at = list(range(at, at + count)), at + count
        order = [place for name in ("matte", "density", "detail", "relief", "dark", "light") for place in places[name]]
        weight, bias = (value.unflatten(0, (-1, 4))[order].flatten(0, 1) for value in (editor.out.weight, editor.out.bias))
        raw = add("DepthToSpace", conv(x, weight, bias), blocksize=2, mode="CRD")
        lowest, span = (torch.tensor(values)[order].view(1, -1, 1, 1) for values in (LOWEST, RANGE))
        matte, rest = add("Split", add("Sigmoid", raw), np.array([1, 7]), outputs=2, axis=1)
        rest = add("Add", add("Mul", rest, span[:, 1:]), lowest[:, 1:])

        # `mix`
        blurred, gate = (add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]) for x in ("look", "where"))
        m = add("Mul", add("Mul", gate, "amount"), matte)
        density, detail, drawn_on = add("Split", add("Mul", rest, m), np.array([3, 1, 3]), outputs=3, axis=1)
        colour = add("Exp", add("Neg", density))
        drawn = add("Mul", colour, detail)
        add("Concat", add("Add", colour, drawn), add("Mul", add("Mul", drawn, blurred), add("Neg", "top")), drawn_on, axis=1, name="maps")
        share = add("Max", add("GlobalAveragePool", gate), np.float32(1e-3 / GRID**2))
        own = add("Div", add("GlobalAveragePool", add("Mul", blurred, gate)), share)
        light = add("Sqrt", add("Max", add("ReduceMean", own, axes=[1], keepdims=1), np.float32(1e-3)))
        light = add("Add", add("Mul", light, np.float32(0.7)), np.float32(0.3))
        for name, colour, base in (("dried", DRIED, own), ("white", WHITE, light)):
            add("Mul", add("Mul", base, np.array(colour, np.float32).reshape(1, 3, 1, 1)), "top", name=name)

    shapes = {"look": ["B", 3, LOOK, LOOK], "where": ["B", 1, LOOK, LOOK], "noise": ["B", 2, LOOK, LOOK], "knobs": ["B", 2 + len(SIGNS)]}
    shapes |= {"amount": ["B", 1, 1, 1], "top": []}
    made = {"maps": ["B", 9, GRID, GRID], "dried": ["B", 3, 1, 1], "white": ["B", 3, 1, 1]}
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values.items()] for values in (shapes, made)]
    model = helper.make_model(helper.make_graph(add.nodes, "eczema", *ends, add.constants), opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    onnx.checker.check_model(model)
    return model.SerializeToString()
