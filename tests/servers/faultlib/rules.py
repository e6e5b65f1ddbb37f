"""Faults as data: which requests a rule meets, and how often.

A rule is a JSON object.  What it meets:
    op      get put copy create part part_copy list_parts complete abort list list_uploads head delete delete_many;
            absent: any
    key     a glob; absent: any
    part    a part number; absent: any
    range   the text of the Range header, such as "bytes=0-99"; absent: any
    skip    so many meetings pass first (0)
    times   then so many are hit (1; -1 for ever)
What it does is `with`, one of the names in faults.py; other fields are its parameters there.
"""
import fnmatch
import threading

from . import faults
from .dialect import text_of


class Rules:
    def __init__(self):
        self.lock, self.rules = threading.Lock(), []

    def add(self, given):
        for rule in given:
            if rule.get("with") not in faults.NAMES:
                raise ValueError(f"there is no fault named {rule.get('with')!r}")
        with self.lock:
            for rule in given:
                self.rules.append({"times": 1, "skip": 0, "hits": 0, **rule})

    def clear(self):
        with self.lock:
            self.rules.clear()

    def shown(self):
        with self.lock:
            return [dict(rule) for rule in self.rules]

    def meet(self, request):
        """The first rule that fits and is not used up; counts the meeting."""
        with self.lock:
            for rule in self.rules:
                if not fits(rule, request) or rule["times"] == 0:
                    continue
                if rule["skip"] > 0:
                    rule["skip"] -= 1
                    continue
                rule["times"] -= 1 if rule["times"] > 0 else 0
                rule["hits"] += 1
                return dict(rule)
        return None


def fits(rule, request):
    if rule.get("op") not in (None, request.op):
        return False
    if rule.get("key") is not None and not fnmatch.fnmatchcase(text_of(request.key), rule["key"]):
        return False
    if rule.get("part") not in (None, request.part):
        return False
    return rule.get("range") in (None, request.headers.get("range"))
