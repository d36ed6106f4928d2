"""Every version of ONNX's default operators up to set 23, from onnx itself: attributes and inputs, as JSON on stdout."""

import json

import onnx

print(
    json.dumps(
        [
            {
                "op": schema.name,
                "since": schema.since_version,
                "form": [
                    sorted(f"{name} {a.type} {a.required} {a.default_value}" for name, a in schema.attributes.items()),
                    [str(i.option) for i in schema.inputs],
                ],
            }
            for schema in onnx.defs.get_all_schemas_with_history()
            if schema.domain == "" and schema.since_version <= 23
        ]
    )
)
