"""JSON schemas made from the types of the installed SDK, so that an upgrade moves them."""

import ast
import functools
import importlib
import inspect
import sys
import types
import typing
from decimal import Decimal
from typing import Any

import typing_extensions
from stripe._list_object import ListObject
from stripe._object_classes import get_object_class
from stripe._request_options import RequestOptions
from stripe._stripe_object import StripeObject, UntypedStripeObject

Json = dict[str, Any]

SCALARS: dict[Any, Json] = {
    type(None): {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Decimal: {"type": "string", "pattern": r"^-?\d+(\.\d{1,12})?$"},
    UntypedStripeObject: {"type": "object"},
    Any: {},
    object: {},
    dict: {},
}


@functools.cache
def for_parameters(name: str) -> Json:
    """Return the schema of one call's parameters, named as in `stripe.params`."""
    path, _, leaf = name.rpartition(".")
    module = importlib.import_module(f"stripe.params.{path}" if path else "stripe.params")
    return _Builder().schema(getattr(module, leaf))


@functools.cache
def for_object(kind: str) -> Json:
    """Return the schema of one kind of object, named as in its `object` field."""
    return _Builder().schema(get_object_class("V1", kind))


@functools.cache
def _names(module_name: str) -> Json:
    """Return what a module's annotations may name, its `if TYPE_CHECKING:` imports included."""
    module = sys.modules[module_name]
    names = dict(vars(module))
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stripe"):
            source = importlib.import_module(str(node.module))
            for alias in node.names:
                names.setdefault(alias.asname or alias.name, getattr(source, alias.name, None))
    return names


def _origin(hint: Any) -> Any:
    return typing_extensions.get_origin(hint)


def _hints(owner: type) -> dict[str, Any]:
    """Return the evaluated annotations of one class, without what never travels."""
    written = inspect.get_annotations(owner)
    # The SDK adds its own request options to the parameters of a call.
    options = RequestOptions.__annotations__
    unsent = set(options) if set(options) <= set(written) else set()
    written = {
        name: hint
        for name, hint in written.items()
        if not name.startswith("_") and name not in unsent and _origin(hint) is not typing.ClassVar
    }
    holder = types.SimpleNamespace(__annotations__=written)
    return typing_extensions.get_type_hints(
        holder, globalns=_names(owner.__module__), include_extras=True
    )


class _Builder:
    """Turns a TypedDict of parameters, or a class of objects, into one JSON schema."""

    def __init__(self) -> None:
        self.definitions: dict[str, Json] = {}

    def schema(self, root: type) -> Json:
        return {**self._reference(root), "$defs": self.definitions}

    def _of(self, hint: Any) -> Json:
        if hint in SCALARS:
            return SCALARS[hint]
        origin, arguments = _origin(hint), typing.get_args(hint)
        if origin in (typing_extensions.NotRequired, typing_extensions.Required):
            return self._of(arguments[0])
        if origin in (typing.Union, types.UnionType):
            schema = self._union(arguments)
        elif origin is typing.Literal:
            schema = {"enum": list(arguments)}
        elif origin is list:
            schema = {"type": "array", "items": self._of(arguments[0])}
        elif origin in (dict, UntypedStripeObject):
            schema = {"type": "object", "additionalProperties": self._of(arguments[-1])}
        elif origin is ListObject:
            schema = self._list(arguments[0])
        else:
            schema = self._reference(hint)
        return schema

    def _union(self, members: tuple[Any, ...]) -> Json:
        if str in members:
            # An id that could be expanded: the stand-in never expands.
            members = tuple(member for member in members if not _is_object(member))
        if any(_is_enum(member) for member in members):
            # An open enum (`Literal[…] | str`) is closed here, so that a typing slip is refused.
            members = tuple(member for member in members if member is not str)
        schemas = [self._of(member) for member in members]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _list(self, item: Any) -> Json:
        return {
            "type": "object",
            "properties": {
                "object": {"const": "list"},
                "data": {"type": "array", "items": self._of(item)},
                "has_more": {"type": "boolean"},
                "url": {"type": "string"},
            },
            "required": ["object", "data", "has_more", "url"],
            "additionalProperties": False,
        }

    def _reference(self, owner: type) -> Json:
        name = f"{owner.__module__}.{owner.__qualname__}"
        if name not in self.definitions:
            definition = self.definitions[name] = {"type": "object"}
            is_object = _is_object(owner)
            hints = self._object_hints(owner) if is_object else _hints(owner)
            properties = {key.rstrip("_"): self._of(hint) for key, hint in hints.items()}
            if is_object:
                required = [key for key, hint in hints.items() if not _is_nullable(hint)]
            else:
                required = [key for key in hints if key in getattr(owner, "__required_keys__", ())]
            if isinstance(kind := getattr(owner, "OBJECT_NAME", None), str):
                properties["object"] = {"const": kind}
            definition |= {
                "properties": properties,
                "required": [key.rstrip("_") for key in required if key != "deleted"],
                "additionalProperties": False,
            }
        return {"$ref": f"#/$defs/{name}"}

    def _object_hints(self, owner: type) -> dict[str, Any]:
        hints: dict[str, Any] = {}
        for base in reversed(owner.__mro__):
            if _is_object(base) and base is not StripeObject:
                hints |= _hints(base)
        return hints


@functools.cache
def expandable(kind: str, field: str) -> frozenset[str]:
    """Name the kinds of objects that may stand in a field in place of their id."""
    members = typing.get_args(_hints(get_object_class("V1", kind))[field])
    return frozenset(member.OBJECT_NAME for member in members if _is_object(member))


def _is_enum(hint: Any) -> bool:
    # An empty text beside any other only unsets what is there.
    return _origin(hint) is typing.Literal and typing.get_args(hint) != ("",)


def _is_object(hint: Any) -> bool:
    return inspect.isclass(hint) and issubclass(hint, StripeObject)


def _is_nullable(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)
