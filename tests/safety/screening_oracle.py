"""A second screening, plainly written: from the policy's file and one person to what it comes to.

It shares nothing with `safety.screening` but the shape of the facts that come in: it reads the stored
document itself, a condition at a time, and answers "yes", "no" or "?".
"""

from datetime import timedelta
from typing import Any

YES, NO, OPEN = "yes", "no", "?"
LIMITS = {
    "systolic_mmhg": (60, 300),
    "diastolic_mmhg": (20, 200),
    "weight_kg": (20, 400),
    "heart_rate_bpm": (20, 250),
}
FACTORS: dict[str, dict[str, float]] = {
    "systolic_mmhg": {"mm[Hg]": 1, "kPa": 7.500617},
    "diastolic_mmhg": {"mm[Hg]": 1, "kPa": 7.500617},
    "heart_rate_bpm": {"/min": 1},
    "weight_kg": {"kg": 1, "g": 0.001, "[lb_av]": 0.45359237},
}
LISTS: dict[str, str] = {"condition": "conditions", "medication": "medications", "allergy": "allergies"}


class Oracle:
    """One policy document and one person."""

    def __init__(self, document: dict[str, Any], answers: dict[str, Any], facts: Any) -> None:
        self.document, self.said, self.facts = document, answers, facts
        self.looked: dict[int, str] = {}
        self.questions = {question["key"]: question for question in document["questions"]}
        self.concepts = {concept["key"]: concept for concept in document.get("concepts", [])}
        self.answers = {key: self.answer(question) for key, question in self.questions.items()}
        self.names = {code for concept in self.concepts.values() for code in concept.get("rxnorm", [])}

    # --- what somebody said

    def answer(self, question: dict[str, Any]) -> Any:
        """Return the answer if it can be used, else None."""
        said = self.said.get(question["key"])
        kind = question["kind"]
        if kind == "yes_no_unknown":
            return said if isinstance(said, str) and said in ("yes", "no") else None
        if kind == "choice":
            words = [choice["value"] for choice in question["choices"]]
            return said if isinstance(said, str) and said in words else None
        if kind == "number":
            return said if self.is_number(said, question) else None
        if not isinstance(said, list):
            return None
        if kind == "list":
            fits = len(said) <= question["max_items"]
            texts = all(
                isinstance(t, str) and t.strip() and len(t) <= question["max_characters"] for t in said
            )
            return said if fits and texts else None
        fine = 0 < len(said) <= question["max_readings"] and all(self.is_reading(r, question) for r in said)
        return said if fine else None

    def is_number(self, said: Any, limits: dict[str, Any]) -> bool:
        if type(said) not in (int, float):
            return False
        return bool(limits["min"] <= said <= limits["max"])

    def is_reading(self, reading: Any, question: dict[str, Any]) -> bool:
        if not isinstance(reading, dict) or sorted(reading) != ["diastolic_mmhg", "systolic_mmhg"]:
            return False
        upper, lower = reading["systolic_mmhg"], reading["diastolic_mmhg"]
        if not self.is_number(upper, question["systolic_mmhg"]):
            return False
        return lower is None or (self.is_number(lower, question["diastolic_mmhg"]) and lower < upper)

    # --- conditions

    def holds(self, when: dict[str, Any]) -> str:
        """Return whether a condition holds."""
        if "all" in when:
            parts = [self.holds(part) for part in when["all"]]
            return NO if NO in parts else OPEN if OPEN in parts else YES
        if "any" in when:
            parts = [self.holds(part) for part in when["any"]]
            return YES if YES in parts else OPEN if OPEN in parts else NO
        if "not" in when:
            return {YES: NO, NO: YES, OPEN: OPEN}[self.holds(when["not"])]
        return self.leaf(when)

    def leaf(self, when: dict[str, Any]) -> str:
        if id(when) not in self.looked:
            self.looked[id(when)] = self.look(when)
        return self.looked[id(when)]

    def look(self, when: dict[str, Any]) -> str:
        if "question" in when:
            return self.answered(when)
        for key, section in LISTS.items():
            if key in when:
                return self.listed(section, when[key], when.get("status", []))
        if "unrecognised" in when:
            return self.unrecognised(when["unrecognised"])
        if "vital" in when:
            return self.vital(when)
        if "instrument" in when:
            return self.result(when)
        return self.trait(when)

    def answered(self, when: dict[str, Any]) -> str:
        answer = self.answers[when["question"]]
        if answer is None:
            return OPEN
        if "is" in when:
            return YES if answer == when["is"] else NO
        if "reported" in when:
            return YES if answer else NO
        if "quantity" in when:
            answer = self.quantity(when["quantity"], answer)
        return self.compare(when, answer)

    def quantity(self, name: str, readings: list[dict[str, Any]]) -> Any:
        if name == "count":
            return len(readings)
        how, _, measure = name.partition("_")
        values = [reading[measure] for reading in readings if reading[measure] is not None]
        if not values:
            return None
        return max(values) if how == "highest" else sum(values) / len(values)

    def compare(self, when: dict[str, Any], number: Any) -> str:
        if number is None:
            return OPEN
        if "below" in when:
            return YES if number < when["below"] else NO
        return YES if number >= when["at_least"] else NO

    def trait(self, when: dict[str, Any]) -> str:
        trait = str(next(iter(when)))
        word = getattr(self.facts, trait)
        if word is None:
            return NO if self.was_asked(trait) else OPEN
        return YES if word in when[trait] else NO

    def was_asked(self, part: str) -> bool:
        key = self.document.get("asked_by", {}).get(part)
        return key is not None and self.answers[key] is not None

    # --- dated facts

    def newest(self, dated: list[tuple[Any, Any]], days: int) -> Any:
        now = self.facts.at
        if now is None:
            return None
        found = None
        for when, fact in dated:
            if now - timedelta(days=days) <= when <= now and (found is None or when > found[0]):
                found = (when, fact)
        return found and found[1]

    def there_is(self, newest: Any, facts: Any) -> str:
        if facts and self.facts.at is None:
            return OPEN
        return NO if newest is None else YES

    def vital(self, when: dict[str, Any]) -> str:
        name = when["vital"]
        same = [(fact.measured_at, fact) for fact in self.facts.vitals if fact.vital == name]
        newest = self.newest(same, when["max_age_days"])
        if "recorded" in when:
            return self.there_is(newest, self.facts.vitals)
        if newest is None or newest.unit not in FACTORS[name]:
            return OPEN
        value = newest.value * FACTORS[name][newest.unit]
        low, high = LIMITS[name]
        return self.compare(when, value) if low <= value <= high else OPEN

    def result(self, when: dict[str, Any]) -> str:
        wanted = (when["instrument"], when["result"])
        same = [(f.taken_at, f) for f in self.facts.instruments if (f.instrument, f.result) == wanted]
        newest = self.newest(same, when["max_age_days"])
        if "taken" in when:
            return self.there_is(newest, self.facts.instruments)
        value = None if newest is None else newest.value
        if "is" in when:
            return OPEN if not isinstance(value, str) else YES if value == when["is"] else NO
        return self.compare(when, None if isinstance(value, str) else value)

    # --- lists

    def meanings(self, entry: Any) -> list[tuple[str, str]]:
        own = [(c.system, c.code) for c in entry.codings if c.system == "rxnorm" and c.code in self.names]
        return [(meaning.system, meaning.code) for meaning in entry.meanings] + own

    def unrecognised(self, section: str) -> str:
        entries = getattr(self.facts, section)
        if entries is None:
            return NO if self.was_asked(section) else OPEN
        return NO if all(self.meanings(entry) for entry in entries) else YES

    def listed(self, section: str, concept: str, statuses: list[str]) -> str:
        entries = getattr(self.facts, section)
        if entries is None:
            return NO if self.was_asked(section) else OPEN
        each = [self.entry(entry, concept, statuses)[0] for entry in entries]
        return YES if YES in each else OPEN if OPEN in each else NO

    def entry(self, entry: Any, concept: str, statuses: list[str]) -> tuple[str, bool]:
        """Return whether an entry is what is looked for, and whether it could be read."""
        meanings = self.meanings(entry)
        each = [self.belongs(meaning, concept) for meaning in meanings] or [OPEN]
        is_it = YES if YES in each else OPEN if OPEN in each else NO
        state = (
            YES if not statuses else OPEN if entry.status is None else YES if entry.status in statuses else NO
        )
        both = NO if NO in (is_it, state) else OPEN if OPEN in (is_it, state) else YES
        return both, bool(meanings)

    def belongs(self, meaning: tuple[str, str], concept: str) -> str:
        found = [self.belongs_itself(meaning, self.concepts[member]) for member in self.members(concept)]
        return YES if YES in found else OPEN if OPEN in found else NO

    def members(self, concept: str) -> list[str]:
        included = self.concepts[concept].get("includes", [])
        return [concept] + [member for each in included for member in self.members(each)]

    def belongs_itself(self, meaning: tuple[str, str], concept: dict[str, Any]) -> str:
        system, code = meaning
        if system == "class":
            return YES if code == concept["key"] else NO
        if system == "rxnorm":
            return YES if code in concept.get("rxnorm", []) else NO
        away = concept.get("icd10cm_but_not", [])
        if any(code.startswith(other) for other in away):
            return NO
        if any(code.startswith(other) for other in concept.get("icd10cm", [])):
            return OPEN if any(other.startswith(code) for other in away) else YES
        return OPEN if any(other.startswith(code) for other in concept.get("icd10cm", [])) else NO

    # --- the decision

    def holds_without_unread(self, when: dict[str, Any]) -> str:
        """Return whether a condition holds if there were nothing in what nobody could read."""
        once_more = Oracle(self.document, self.said, self.facts)
        for leaf in self.leaves(when):
            found = self.leaf(leaf)
            once_more.looked[id(leaf)] = NO if found == OPEN and self.is_unread(leaf) else found
        return once_more.holds(when)

    def leaves(self, when: dict[str, Any]) -> list[dict[str, Any]]:
        parts = when.get("all") or when.get("any") or ([when["not"]] if "not" in when else None)
        return [when] if parts is None else [leaf for part in parts for leaf in self.leaves(part)]

    def is_unread(self, leaf: dict[str, Any]) -> bool:
        """Whether an open leaf is open only because a list is not there or an entry of it can't be read."""
        for key, section in LISTS.items():
            if key in leaf:
                entries = getattr(self.facts, section)
                each = [self.entry(entry, leaf[key], leaf.get("status", [])) for entry in entries or ()]
                return entries is None or not any(found == OPEN and read for found, read in each)
        return False

    def decide(self) -> dict[str, Any]:
        """Return outcome, the rules that speak with what they are, what is missing, and the crisis text."""
        spoke = {}
        for rule in self.document["rules"]:
            found = self.holds(rule["when"])
            told = found == YES
            if found == OPEN and rule["level"] != "note":
                told = self.holds_without_unread(rule["when"]) != NO
            if told:
                spoke[rule["id"]] = found
        rules = {rule["id"]: rule for rule in self.document["rules"]}
        missing = self.missing(spoke, rules)
        return {
            "outcome": self.outcome(spoke, rules, missing),
            "spoke": spoke,
            "missing": missing,
            "crisis": any(self.is_crisis(rules[name], found) for name, found in spoke.items()),
        }

    def missing(self, spoke: dict[str, str], rules: dict[str, Any]) -> list[str]:
        unanswered = [
            key for key, q in self.questions.items() if q.get("required", True) and self.answers[key] is None
        ]
        if self.document.get("format", 1) == 1:
            return unanswered
        looked_at = {
            leaf.get("question")
            for name, found in spoke.items()
            if found == OPEN
            for leaf in self.leaves(rules[name]["when"])
        }
        return [key for key in unanswered if key in looked_at]

    def outcome(self, spoke: dict[str, str], rules: dict[str, Any], missing: list[str]) -> str:
        if any(found == YES and rules[name]["level"] == "exclude" for name, found in spoke.items()):
            return "ineligible"
        declined = ("unknown", "prefer_not_to_say")
        if self.document.get("format", 1) > 1 and any(self.said.get(key) not in declined for key in missing):
            return "incomplete"
        return (
            "needs_review" if missing or any(rules[name]["level"] != "note" for name in spoke) else "eligible"
        )

    def is_crisis(self, rule: dict[str, Any], found: str) -> bool:
        if not rule.get("crisis", False):
            return False
        asked = [
            leaf["question"]
            for leaf in self.leaves(rule["when"])
            if "question" in leaf and self.leaf(leaf) == OPEN
        ]
        said = [self.said.get(key) for key in asked]
        return found == YES or any(s is not None and not (isinstance(s, str) and not s.strip()) for s in said)
