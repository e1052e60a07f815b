"""A process of its own for one arm: reads a call a line, answers with what it returned, a line too.

torch is imported before anything is measured, so that it is in the memory of every arm alike.
"""

import importlib
import json
import os
import sys
import traceback

import torch


def main() -> None:
    torch.set_num_threads(1)
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            module = importlib.import_module(f"{__package__}.{request['module']}")
            answer = {"result": getattr(module, request["function"])(**request["options"])}
        except Exception:  # noqa: BLE001 - the other process raises it
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
