"""Messages: their bytes, presence, containers and text form."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmini.errors import InvalidArgumentError, InvalidTypeError
from tfmini.formats import prototext
from tfmini.formats.example import Example, Feature, SequenceExample
from tfmini.formats.fields import Field, Map
from tfmini.formats.protobuf import Message
from tfmini.formats.prototext import merge_text, to_text
from tfmini.formats.scalars import Enum
from tfmini.formats.wire import DecodeError, pack_varints, records, unpack_varints


class Inner(Message):
    number = Field(1, "int32")


class Outer(Message):
    Level = Enum("Level", LOW=0, HIGH=7)
    name = Field(2, "string")
    inner = Field(3, Inner)
    numbers = Field(4, "int32", repeated=True)
    parts = Field(5, Inner, repeated=True)
    level = Field(6, Level)
    left = Field(7, "double", oneof="side")
    right = Field(8, Inner, oneof="side")
    flag = Field(9, "bool")
    zigzag = Field(10, "sint64")
    raw = Field(11, "bytes")
    counts = Map(12, "string", "int64")
    children = Map(13, "int32", lambda: Outer)
    ratio = Field(14, "float")
    given = Field(15, "uint64", optional=True)


def filled():
    out = Outer(name="é", level=Outer.HIGH, flag=True, zigzag=-3, raw=b"\x00\xff", ratio=0.1)
    out.inner.number = -1
    out.numbers.extend([3, 270, 86942])
    out.parts.add(number=5)
    out.parts.add()
    out.left = 0.0
    out.counts["a"] = -2
    out.children[4].name = "leaf"
    out.given = 0
    return out


def test_bytes_are_those_of_the_specification():
    # https://protobuf.dev/programming-guides/encoding: 150, "testing", a message, packed numbers.
    assert Inner(number=150).SerializeToString() == b"\x08\x96\x01"
    assert Outer(name="testing").SerializeToString() == b"\x12\x07testing"
    assert Outer(inner=Inner(number=150)).SerializeToString() == b"\x1a\x03\x08\x96\x01"
    numbers = Outer(numbers=[3, 270, 86942]).SerializeToString()
    assert numbers == b"\x22\x06\x03\x8e\x02\x9e\xa7\x05"
    assert Outer(zigzag=-2).SerializeToString() == b"\x50\x03"


def test_a_message_survives_its_bytes_and_its_text():
    message = filled()
    assert Outer.FromString(message.SerializeToString()) == message
    assert merge_text(to_text(message), Outer()) == message
    assert pickle.loads(pickle.dumps(message)) == message == copy.deepcopy(message)
    changed = copy.deepcopy(message)
    changed.children[4].name = "other"
    assert changed != message


def test_text_form():
    expected = (
        'name: "\\303\\251"\ninner {\n  number: -1\n}\nnumbers: 3\nnumbers: 270\nnumbers: 86942\n'
        "parts {\n  number: 5\n}\nparts {\n}\nlevel: HIGH\nleft: 0\nflag: true\nzigzag: -3\n"
        'raw: "\\000\\377"\ncounts {\n  key: "a"\n  value: -2\n}\n'
        'children {\n  key: 4\n  value {\n    name: "leaf"\n  }\n}\nratio: 0.1\ngiven: 0\n'
    )
    assert str(filled()) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: 5", "line 1"),
        ("nmae: 'x'", "no field 'nmae'"),
        ("inner {\n number: 1", "field name is expected"),
        ("level: MIDDLE", "no value 'MIDDLE'"),
        ("numbers: 1.5", "no int32"),
        ("name 'x'", "':' is expected"),
        ("flag: maybe", "neither true nor false"),
    ],
)
def test_wrong_text_is_an_error_that_says_where(text, problem):
    with pytest.raises(InvalidArgumentError, match=problem):
        merge_text(text, Outer())


def test_all_bytes_are_escaped_in_blocks_too(monkeypatch):
    raw = bytes(range(256))
    one = prototext.escaped(raw)
    assert one.startswith(r"\000\001")
    assert one.endswith(r"\376\377")
    assert len(one) == 95 - 3 + 6 * 2 + 4 * (256 - 95 - 3)
    monkeypatch.setattr(prototext, "_BLOCK", 7)
    assert prototext.escaped(raw) == one
    assert prototext.escaped('naïve "x"\n') == r"na\303\257ve \"x\"\n"
    assert prototext.escaped(b"") == ""


def test_other_ways_to_write_text():
    message = merge_text(
        "# a comment\nnumbers: [1, 0x10]; parts < number: 1 > raw: 'a' \"\\x41\\n\" ratio: 1.5f",
        Outer(),
    )
    assert message == Outer(numbers=[1, 16], parts=[Inner(number=1)], raw=b"aA\n", ratio=1.5)


def test_reading_a_field_does_not_make_it_present():
    message = Outer()
    assert message.inner.number == 0
    assert not message.HasField("inner")
    assert not message.children
    inner = message.inner
    inner.number = 1
    assert message.HasField("inner")
    assert message.inner is inner
    deep = Outer()
    deep.children[1].inner.number = 2  # a map makes what it is asked for
    assert deep.children[1].HasField("inner")
    example = Example()
    example.features.feature["x"].int64_list.value.append(1)
    assert example.features.feature["x"].WhichOneof("kind") == "int64_list"
    emptied = Outer()
    emptied.inner.SetInParent()
    assert emptied.HasField("inner")
    assert emptied.SerializeToString() == b"\x1a\x00"


def test_zero_is_absent_unless_presence_is_kept():
    assert Outer(name="", flag=False, ratio=0.0).ListFields() == []
    assert Outer(left=0.0).HasField("left")
    assert Outer(given=0).HasField("given")
    assert [f.name for f, _ in filled().ListFields()][:2] == ["name", "inner"]
    with pytest.raises(ValueError, match="presence"):
        Outer().HasField("name")
    with pytest.raises(ValueError, match='no "nmae" field'):
        Outer().HasField("nmae")


def test_one_of_a_group_is_set():
    message = Outer(left=1.0)
    message.right.number = 1
    assert (message.WhichOneof("side"), message.left) == ("right", 0.0)
    message.left = 2.0
    assert not message.HasField("right")
    message.ClearField("side")
    assert message.WhichOneof("side") is None


def test_copies_and_merges():
    one, two = Outer(numbers=[1], name="one"), Outer(numbers=[2])
    two.inner.number = 5
    one.MergeFrom(two)
    assert (list(one.numbers), one.name, one.inner.number) == ([1, 2], "one", 5)
    one.inner.number = 6
    assert two.inner.number == 5
    one.CopyFrom(two)
    assert one == two
    one.Clear()
    assert one == Outer()
    with pytest.raises(TypeError):
        one.CopyFrom(Inner())


def test_lists_and_maps():
    message = Outer()
    message.numbers[:] = [3, 1, 2]
    message.numbers.sort()
    del message.numbers[0]
    message.numbers += [9]
    assert message.numbers == [2, 3, 9]
    part = Inner(number=1)
    message.parts.append(part)
    part.number = 2
    assert message.parts[0].number == 1
    assert message.counts["missing"] == 0  # as protobuf's maps do, it is there now
    assert dict(message.counts) == {"missing": 0}
    message.numbers.extend(np.arange(3))
    assert message.numbers[-3:] == [0, 1, 2]
    message.numbers.extend(np.arange(0))
    copied = Outer(numbers=message.numbers)
    assert copied.numbers == message.numbers == [2, 3, 9, 0, 1, 2]
    message.numbers.append(7)
    assert len(copied.numbers) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        lambda m: setattr(m, "name", 5),
        lambda m: setattr(m, "flag", "yes"),
        lambda m: setattr(m, "ratio", "1.0"),
        lambda m: setattr(m, "raw", "text"),
        lambda m: m.numbers.append(1.5),
        lambda m: m.numbers.append(1 << 31),
        lambda m: m.numbers.extend(np.array([1 << 40])),
        lambda m: m.numbers.extend("12"),
        lambda m: m.parts.append(5),
        lambda m: m.counts.update({1: 2}),
        lambda m: m.children.update({1: Outer()}),
        lambda m: Outer(numbers=5),
        lambda m: Outer(nmae="x"),
    ],
)
def test_wrong_values_are_refused(wrong):
    message = Outer()
    with pytest.raises(InvalidArgumentError):
        wrong(message)
    assert message.SerializeToString() == b""


@pytest.mark.parametrize(
    "wrong", [lambda m: setattr(m, "numbers", [1]), lambda m: setattr(m, "inner", Inner()),
              lambda m: setattr(m, "nmae", 1)]
)  # fmt: skip
def test_what_can_not_be_assigned(wrong):
    with pytest.raises(AttributeError):
        wrong(Outer())


def test_enumerations():
    assert (Outer.HIGH, Outer.Level.HIGH, Outer.Level.Name(7)) == (7, 7, "HIGH")
    assert Outer.Level.items() == [("LOW", 0), ("HIGH", 7)]
    assert Outer(level="HIGH").level == 7
    assert Outer.FromString(b"\x30\x05").level == 5  # unknown values are kept


def test_unknown_fields_are_kept():
    data = filled().SerializeToString()
    known = Inner.FromString(data)
    assert known.number == 0
    assert Outer.FromString(known.SerializeToString()) == filled()
    known.DiscardUnknownFields()
    assert known.SerializeToString() == b""
    assert Inner.FromString(b"\x0b\x0c\x08\x01").number == 1  # a group is skipped


@pytest.mark.parametrize(
    "data",
    [b"\x08", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x12\x05ab", b"\x00\x01",
     b"\x12\x01\xff", b"\x3a", b"\x39\x00\x00", b"\x22\x01\x80", b"\x0e", b"\x0b\x08\x01",
     b"\x0c", b"\x2a\x06\x08\x01", b"\x6a\x03\x08\x01\x12"],
)  # fmt: skip
def test_damaged_bytes_are_an_error(data):
    with pytest.raises(DecodeError):
        Outer.FromString(data)


def test_nesting_has_a_limit():
    message = Outer()
    for _ in range(150):
        outer = Outer()
        outer.children[0].CopyFrom(message)
        message = outer
    with pytest.raises(DecodeError, match="nested"):
        Outer.FromString(message.SerializeToString())


def test_bytes_are_wanted():
    with pytest.raises(InvalidTypeError, match="bytes"):
        Outer.FromString("text")


@given(st.binary(max_size=60))
def test_any_bytes_give_a_message_or_an_error(data):
    try:
        message = Outer.FromString(data)
    except DecodeError:
        return
    assert Outer.FromString(message.SerializeToString()) == message


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=80))
def test_packed_numbers_survive(numbers):
    packed = pack_varints(numbers)
    assert unpack_varints(packed).view(np.int64).tolist() == numbers
    assert b"".join([pack_varints([n]) for n in numbers]) == packed


def test_scalar_types_survive():
    kinds = {"double": -1.5, "float": 0.25, "int32": -5, "int64": -(1 << 62), "uint32": 1 << 31,
             "uint64": (1 << 64) - 1, "sint32": -7, "sint64": -(1 << 63), "fixed32": 9,
             "fixed64": 1 << 60, "sfixed32": -9, "sfixed64": -(1 << 60), "bool": True,
             "string": "s", "bytes": b"\0"}  # fmt: skip
    for name, value in kinds.items():
        fields = {"one": Field(1, name), "many": Field(2, name, repeated=True),
                  "loose": Field(3, name, repeated=True, packed=False)}  # fmt: skip
        kind = type(name, (Message,), fields)
        message = kind(one=value, many=[value] * 40, loose=[value, value])
        again = kind.FromString(message.SerializeToString())
        assert again.one == value, name
        assert again.many == [value] * 40, name
        assert again == message, name


def test_sequence_examples():
    message = SequenceExample()
    message.context.feature["length"].int64_list.value.append(2)
    steps = message.feature_lists.feature_list["steps"]
    for i in range(2):
        steps.feature.add().float_list.value.append(i)
    again = SequenceExample.FromString(message.SerializeToString())
    values = [list(f.float_list.value) for f in again.feature_lists.feature_list["steps"].feature]
    assert values == [[0.0], [1.0]]
    assert Feature(bytes_list={"value": [b"x"]}).bytes_list.value == [b"x"]


def test_fields_without_messages():
    assert list(records(b"\x08\x96\x01\x12\x02hi")) == [(1, 0, 150), (2, 2, b"hi")]
