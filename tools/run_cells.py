"""Execute a notebook that came from somebody else, and say after each cell what it gave.

Called by tools/classroom.py, inside the sandbox. The notebook comes from standard input, so that
its tests never lie in a file; what a cell gave goes as one line of JSON to the file descriptor
named in the arguments, so that it arrives even if a later cell kills the kernel.
"""

import argparse
import ctypes
import json
import os
import resource
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

LONGEST = 200_000  # characters of the outputs of one cell that are kept
PR_SET_DUMPABLE = 4


def shortened(outputs: list[dict]) -> list[dict]:
    """Outputs of LONGEST characters at most, without what nbgrader takes for points; an error is
    always kept."""
    kept, left = [], LONGEST
    for output in outputs:
        if output["output_type"] == "execute_result":  # a number would be the cell's points
            output = {k: output[k] for k in ("data", "metadata")} | {"output_type": "display_data"}
        elif output["output_type"] == "error":
            output["evalue"] = output["evalue"][:2000]
            output["traceback"] = [line[:2000] for line in output["traceback"][:100]]
        elif output.get("name") == "stderr":  # it would cost the cell's points
            output["name"] = "stdout"
        if output["output_type"] == "stream" and len(output["text"]) > left:
            output["text"] = output["text"][:left] + "\n… (the rest was cut off)"
        size = len(json.dumps(output))
        if output["output_type"] == "error" or size <= left + 100:
            kept.append(output)
            left = max(0, left - size)
    return kept


def failed(cell, cell_index, execute_reply) -> None:
    """An error that the kernel reports stays one, even if code has hidden its output."""
    reply = execute_reply["content"]
    if reply["status"] == "error":
        shown = [output.ename for output in cell.outputs if output.output_type == "error"]
        if reply["ename"] not in shown:
            error = {name: reply[name] for name in ("ename", "evalue", "traceback")}
            cell.outputs.append(nbformat.from_dict({"output_type": "error", **error}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=int, required=True, help="file descriptor for the results")
    parser.add_argument("--seconds", type=int, required=True, help="limit of one cell")
    parser.add_argument("--gigabytes", type=float, required=True, help="limit of the memory")
    options = parser.parse_args()
    notebook = nbformat.read(sys.stdin, as_version=4)
    if sys.platform == "linux":  # so that student code cannot write results or read the tests
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    limit = int(options.gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    why = f"the cell took longer than {options.seconds} seconds"
    client = NotebookClient(
        notebook,
        timeout=options.seconds,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "CellTimeoutError", "evalue": why, "traceback": [why]},
        on_cell_executed=failed,
        allow_errors=True,
        kernel_name="python3",
    )
    client.create_kernel_manager()
    client.km.transport = "ipc"  # no port that another process could listen at
    with os.fdopen(options.to, "w") as results:
        try:
            with client.setup_kernel():
                for i, cell in enumerate(notebook.cells):
                    if cell.cell_type == "code":
                        client.execute_cell(cell, i)
                        line = {"cell": i, "count": cell.execution_count}
                        line["outputs"] = shortened(cell.outputs)
                        print(json.dumps(line), file=results, flush=True)
        except DeadKernelError:
            pass  # what is missing has not been executed
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        most /= 2**20 if sys.platform == "darwin" else 2**10
        print(json.dumps({"megabytes": round(most)}), file=results)


if __name__ == "__main__":
    main()
