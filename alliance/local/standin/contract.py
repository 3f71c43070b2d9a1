"""The contract: what the SDK's types say of every request that comes and object that leaves."""

import functools
import re
from typing import Any, cast
from urllib.parse import parse_qsl

import jsonschema
import stripe

from alliance.local.standin import schemas
from alliance.local.standin.schemas import Json

API_VERSION: str = stripe.api_version


class RequestRefusedError(Exception):
    """A request that the SDK's types do not allow; the message says where and why."""


class DriftError(Exception):
    """The stand-in made something that Stripe, by the SDK's types, never would."""


@functools.cache
def object_fields(kind: str) -> frozenset[str]:
    """Name every field of one kind of object."""
    return frozenset(
        _follow(schemas.for_object(kind), schemas.for_object(kind)["$defs"])["properties"]
    )


def read_request(name: str, form: str) -> Json:
    """Decode a form-encoded request into typed values.

    Raises RequestRefusedError where Stripe's types refuse it: unknown key, wrong type or value.
    """
    schema = schemas.for_parameters(name)
    values = _typed(nested(form), schema, schema["$defs"])
    error = jsonschema.exceptions.best_match(_request_validator(name).iter_errors(values))
    if error:
        where = ".".join(str(step) for step in error.absolute_path)
        raise RequestRefusedError(f"{where}: {error.message}" if where else error.message)
    return cast("Json", values)


def check_object(value: Json) -> Json:
    """Return the object unchanged, or raise DriftError where the SDK's types refuse it."""
    error = next(_object_validator(value["object"]).iter_errors(value), None)
    if error:
        raise DriftError(f"{value['object']} {error.json_path}: {error.message[:300]}")
    if value["object"] == "event":
        check_object(value["data"]["object"])
    return value


def expanded(value: Json, field: str, found: Json) -> Json:
    """Return the object with another in place of its id, or raise DriftError.

    Both are checked each by itself: what holds ids is held to its types as ever.
    """
    if found["object"] not in schemas.expandable(value["object"], field):
        raise DriftError(f"{value['object']}.{field} is never a {found['object']}")
    return check_object(value) | {field: check_object(found)}


def skeleton(kind: str) -> Json:
    """Return the emptiest object that the contract allows: every nullable field null."""
    schema = schemas.for_object(kind)
    return cast("Json", _skeleton(schema, schema["$defs"]))


@functools.cache
def _request_validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(schemas.for_parameters(name))


@functools.cache
def _object_validator(kind: str) -> Any:
    return jsonschema.Draft202012Validator(schemas.for_object(kind))


def _follow(schema: Json, definitions: Json) -> Json:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
    return schema


def nested(form: str) -> Json:
    """Turn `a[b][0]=c` into nested dictionaries of text."""
    root: Json = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        branch: Any = root
        steps = re.findall(r"[^\[\]]+", name) or [name]
        for step in steps[:-1]:
            branch = branch.setdefault(step, {})
            if not isinstance(branch, dict):
                raise RequestRefusedError(f"{name}: both a value and a group")
        branch[steps[-1]] = value
    return root


def _typed(value: Any, schema: Json, definitions: Json) -> Any:
    """Give form text the types that the schema asks for; what does not fit stays as it is."""
    schema = _follow(schema, definitions)
    for choice in schema.get("anyOf", ()):
        candidate = _typed(value, choice, definitions)
        if jsonschema.Draft202012Validator({**choice, "$defs": definitions}).is_valid(candidate):
            return candidate
    kind = schema.get("type")
    if isinstance(value, dict):
        if kind == "array" and all(key.isdecimal() for key in value):
            return [
                _typed(value[key], schema["items"], definitions) for key in sorted(value, key=int)
            ]
        properties, others = schema.get("properties", {}), schema.get("additionalProperties") or {}
        return {
            key: _typed(item, properties.get(key, others), definitions)
            for key, item in value.items()
        }
    if kind in ("integer", "number") and re.fullmatch(r"-?\d{1,15}(\.\d+)?", value):
        return float(value) if "." in value else int(value)
    return {"true": True, "false": False}.get(value, value) if kind == "boolean" else value


def _skeleton(schema: Json, definitions: Json) -> Any:
    schema = _follow(schema, definitions)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    if "anyOf" in schema:
        if {"type": "null"} in schema["anyOf"]:
            return None
        return _skeleton(schema["anyOf"][0], definitions)
    if schema.get("type") == "object":
        return {
            key: _skeleton(item, definitions)
            for key, item in schema.get("properties", {}).items()
            if key != "deleted"
        }
    empty: Json = {"array": [], "string": "", "integer": 0, "number": 0, "boolean": False}
    return empty.get(schema.get("type", ""))
