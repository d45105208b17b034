"""Every benchmark, or those that are named: `make bench`, `make bench ONLY="students store"`.

Prints a Markdown table for docs/PERFORMANCE.md.
"""

from __future__ import annotations

import platform
import sys

from audit_memory import audit_memory, whole_audit_memory
from bounded_memory import bounded_memory
from decompression_ratio import decompression_ratio
from gradient_ratios import gradient_ratios
from limit_shares import limit_shares
from map_memory import map_memory
from measuring import Benchmark, show
from page_times import page_times
from peer_ratios import peer_ratios
from selection_ratios import selection_ratios
from store_shares import store_shares, transport_by_size
from student_ratios import student_ratios

BENCHMARKS: dict[str, Benchmark] = {
    "gradients": gradient_ratios,
    "peers": peer_ratios,
    "selection": selection_ratios,
    "memory": bounded_memory,
    "audit-memory": audit_memory,
    "whole-audit-memory": whole_audit_memory,
    "map": map_memory,
    "store": store_shares,
    "limits": limit_shares,
    "transport": transport_by_size,
    "students": student_ratios,
    "decompression": decompression_ratio,
    "pages": page_times,
}


def main(names: list[str]) -> None:
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        sys.exit(f"expected some of {', '.join(BENCHMARKS)}, got {', '.join(unknown)}")
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}\n")
    print("| what | figure | goal |\n|---|---|---|")
    for name in names or BENCHMARKS:
        show(BENCHMARKS[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
