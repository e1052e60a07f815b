"""Drawing beside other packages: speed, memory, scale, resuming, exactness. Each comparison writes its section."""

from command import run
from comparisons import epoch, first_index, prefix_error, resume, scale, sources, stages, throughput

COMPARISONS = {
    "first-index": first_index,
    "epoch": epoch,
    "throughput": throughput,
    "scale": scale,
    "sources": sources,
    "stages": stages,
    "resume": resume,
    "prefix-error": prefix_error,
}


if __name__ == "__main__":
    run("drawing", __doc__ or "", COMPARISONS)
