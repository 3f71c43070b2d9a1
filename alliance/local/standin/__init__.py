"""A stand-in for Stripe: the real SDK talks to it unchanged, and no money moves."""

from alliance.local.standin.standin import StandIn

__all__ = ["StandIn"]
