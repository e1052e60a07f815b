"""The JSON schema of configurations, in a validator."""

import json
import warnings

import jsonschema

from equipoise.config import json_schema

SCHEMA = json.loads(json.dumps(json_schema()))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # versions before 4 know no draft 2020-12, and check by the latest that they know
    VALIDATOR = jsonschema.validators.validator_for(SCHEMA)(SCHEMA)
