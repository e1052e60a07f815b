"""The JSON schema of configurations, in a validator; tests that need it are skipped without jsonschema."""

import json
import warnings

import pytest

from equipoise.config import json_schema

jsonschema = pytest.importorskip("jsonschema", reason="the validator of the JSON schema")
SCHEMA = json.loads(json.dumps(json_schema()))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # versions before 4 know no draft 2020-12, and check by the latest that they know
    VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
