"""Which scheme for these data: five questions, rules with measured reasons, and the comparison that checks them."""

from equipoise.compare.advice.advise import Advice, Answer, advise

__all__ = ["Advice", "Answer", "advise"]
