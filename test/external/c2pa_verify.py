"""Prints what c2pa-python says about files: a line of JSON for each."""

import json
import sys

import c2pa

for path in sys.argv[1:]:
    store = json.loads(c2pa.Reader(path).json())
    codes = sorted({status["code"] for status in store.get("validation_status", [])})
    print(json.dumps({"state": store["validation_state"], "codes": codes, "manifests": len(store["manifests"])}))
