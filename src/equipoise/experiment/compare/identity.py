"""The fingerprint of everything that defines a run: a run with the same one need not be trained again."""

import hashlib
import json
from pathlib import Path

from equipoise.config import RunConfig, config_to_dict
from equipoise.experiment.calibrated import fingerprint_of_weights
from equipoise.experiment.versions import installed_versions

LENGTH = 12  # hexadecimal digits: 2**48 runs


def fingerprint_of_run(config: RunConfig, data: str) -> str:
    """Digest configuration, data, starting weights and the versions of what computes.

    Parameters
    ----------
    config : RunConfig
        All but where the run lies and how often its scores are resampled counts.
    data : str
        The fingerprint of all rows.

    Returns
    -------
    str
        Hexadecimal.

    Examples
    --------
    >>> from equipoise.config import make_config
    >>> one, other = (make_config({"data": {"source": "rows.jsonl"}, "seed": seed}) for seed in (0, 1))
    >>> fingerprint_of_run(one, "data") == fingerprint_of_run(other, "data")
    False
    """
    plain = config_to_dict(config)
    del plain["out"], plain["evaluation"]["bootstrap"]
    versions = {name: version for name, version in installed_versions().items() if name != "platform"}
    folder = Path(config.model.name)
    weights = fingerprint_of_weights(folder) if folder.is_dir() else None
    known = json.dumps([plain, data, versions, weights], sort_keys=True)
    return hashlib.sha256(known.encode()).hexdigest()[:LENGTH]
