"""8-bit matrix products in an ONNX graph, each row of activations with a scale of its own.

For x (rows, k) times a constant W (k, n), each row x in [low, high] and each column W with its largest size m:

    x_q = round(255 (x - low) / (high - low)) in 0..255,  W_q = round(127 W / m) in -127..127
    x W ~ (x_q W_q) * (high - low) / 255 * m / 127 + low * (column sums of W)

Unlike ONNX Runtime's dynamic quantisation, which has one range per batch, a text's vector does not depend on the texts beside it.
Exact integer arithmetic needs a processor with 8-bit dot products (VNNI, ARM dotprod); older ones may saturate large sums.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

# Constants shared by all products: name -> value.
_CONSTANTS: dict[str, np.ndarray] = {
    "int8_last_axis": np.array([-1], dtype=np.int64),
    "int8_smallest": np.array(1e-9, dtype=np.float32),
    "int8_steps": np.array(255.0, dtype=np.float32),
    "int8_step": np.array(1 / 255, dtype=np.float32),
    "int8_unit": np.array(1.0, dtype=np.float32),
    "int8_zero": np.array(0, dtype=np.uint8),
}


def quantize(whole: Path, graph: Path) -> int:
    """Write the graph ``whole`` with its products by constant matrices in 8 bits; how many there were."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(whole)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes: list[Any] = []
    added = {name: numpy_helper.from_array(value, name) for name, value in _CONSTANTS.items()}
    quantized: set[str] = set()
    replaced: set[str] = set()
    for node in model.graph.node:
        weight = constants.get(node.input[1]) if node.op_type == "MatMul" else None
        if weight is None or len(weight.dims) != 2:
            nodes.append(node)
            continue
        rows, output = node.input[0], node.output[0]
        if rows not in quantized:
            nodes += _quantized_rows(rows)
            quantized.add(rows)
        values, scales = column_quantized(numpy_helper.to_array(weight))
        sums = (values * scales).sum(axis=0, dtype=np.float32)
        for name, array in ((f"{output}_weight", values), (f"{output}_scales", scales), (f"{output}_sums", sums)):
            added[name] = numpy_helper.from_array(array, name)
        nodes += _product(rows, output)
        replaced.add(node.input[1])
    still_used = {name for node in nodes for name in node.input}
    kept = [tensor for name, tensor in constants.items() if name not in replaced or name in still_used]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend([*kept, *added.values()])
    onnx.save(model, graph)
    return len(replaced)


def column_quantized(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A matrix (k, n) as int8 values and one float32 scale per column.

    >>> values, scales = column_quantized(np.array([[1.0, 0.0], [-0.5, 0.0]], dtype=np.float32))
    >>> values.tolist(), (values * scales).round(2).tolist()
    ([[127, 0], [-64, 0]], [[1.0, 0.0], [-0.5, 0.0]])
    """
    scales = np.maximum(np.abs(weight).max(axis=0), 1e-9) / 127
    return np.round(weight / scales).astype(np.int8), scales.astype(np.float32)


def _quantized_rows(rows: str) -> list[Any]:
    """Nodes that make ``<rows>_int8`` (uint8), ``<rows>_low`` and ``<rows>_scale`` (one per row)."""
    from onnx.helper import make_node

    return [
        make_node("ReduceMin", [rows, "int8_last_axis"], [f"{rows}_low"], keepdims=1),
        make_node("ReduceMax", [rows, "int8_last_axis"], [f"{rows}_high"], keepdims=1),
        make_node("Sub", [f"{rows}_high", f"{rows}_low"], [f"{rows}_width"]),
        make_node("Clip", [f"{rows}_width", "int8_smallest"], [f"{rows}_range"]),
        make_node("Div", ["int8_steps", f"{rows}_range"], [f"{rows}_factor"]),
        make_node("Sub", [rows, f"{rows}_low"], [f"{rows}_raised"]),
        make_node("Mul", [f"{rows}_raised", f"{rows}_factor"], [f"{rows}_steps"]),
        make_node("QuantizeLinear", [f"{rows}_steps", "int8_unit", "int8_zero"], [f"{rows}_int8"]),
        make_node("Mul", [f"{rows}_range", "int8_step"], [f"{rows}_scale"]),
    ]


def _product(rows: str, output: str) -> list[Any]:
    """Nodes that multiply quantised rows with ``<output>_weight`` and give the result its scales and offset."""
    from onnx import TensorProto
    from onnx.helper import make_node

    return [
        make_node("MatMulInteger", [f"{rows}_int8", f"{output}_weight", "int8_zero"], [f"{output}_integers"]),
        make_node("Cast", [f"{output}_integers"], [f"{output}_unscaled"], to=TensorProto.FLOAT),
        make_node("Mul", [f"{output}_unscaled", f"{rows}_scale"], [f"{output}_by_row"]),
        make_node("Mul", [f"{output}_by_row", f"{output}_scales"], [f"{output}_scaled"]),
        make_node("Mul", [f"{rows}_low", f"{output}_sums"], [f"{output}_offset"]),
        make_node("Add", [f"{output}_scaled", f"{output}_offset"], [output]),
    ]
