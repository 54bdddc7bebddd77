"""Parquet and Feather files as DataFrames."""

import re
from pathlib import Path
from typing import Any

from losslab.data.csv import check_there
from losslab.data.kinds import refuse_nested
from losslab.data.memory import PER_TEXT, check_memory

PARQUET, FEATHER = (".parquet", ".pq"), (".feather", ".arrow", ".ipc")
MAGIC, CONTINUES = b"ARROW1\0\0", b"\xff\xff\xff\xff"
INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls an index without a name
LONGEST = 200  # characters of what pyarrow says


def read_arrow(path: Path) -> tuple[Any, tuple[str, ...]]:
    """The table as a DataFrame, and notes; raises ValueError naming the file where it is damaged or cut off."""
    import pyarrow as pa

    check_there(path)
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty")
    parquet = path.suffix.lower() in PARQUET
    try:
        table, told = _parquet(path) if parquet else _feather(path)
        table.validate(full=True)
        table = table.replace_schema_metadata(None)  # what pandas adds to it is not needed, and may be damaged
        frame = table.to_pandas(split_blocks=True, self_destruct=True)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, LookupError, TypeError) as error:
        if str(error).startswith(str(path)):
            raise
        kind = "Parquet" if parquet else "Feather"
        said = " ".join(str(error).split())[:LONGEST] or type(error).__name__
        raise ValueError(f"{path} cannot be read as a {kind} file; damaged, cut off or another kind: {said}") from None
    notes = []
    unnamed = [name for name in frame.columns if INDEX.fullmatch(str(name))]
    if unnamed:
        frame = frame.drop(columns=unnamed)
        notes.append("the index of the frame that was saved has no name: not used")
    return frame, (*told, *notes)


def _parquet(path: Path) -> tuple[Any, tuple[str, ...]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        said = file.metadata
        _check_columns(path, file.schema_arrow)
        groups = sum(said.row_group(i).num_rows for i in range(said.num_row_groups))
        if groups != said.num_rows:
            raise ValueError(f"{path} is damaged: it says {said.num_rows:,} rows, and its parts say {groups:,}")
        text = said.num_rows * _texts(file.schema_arrow) * PER_TEXT
        told = check_memory(path.name, said.num_rows, said.num_columns, text)
        table = file.read()
    if table.num_rows != said.num_rows:
        raise ValueError(f"{path} is damaged: it says {said.num_rows:,} rows, and {table.num_rows:,} were read")
    return table, told


def _feather(path: Path) -> tuple[Any, tuple[str, ...]]:
    import pyarrow as pa

    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        _check_columns(path, file.schema)
        rows = path.stat().st_size // max(8 * len(file.schema), 1)  # at least, where it is compressed
        told = check_memory(path.name, rows, len(file.schema))
        table, batches = file.read_all(), file.num_record_batches
        source.seek(len(MAGIC))
        if source.read(4) == CONTINUES:
            source.seek(len(MAGIC))
            if _as_stream(source) != (table.schema.names, batches):
                raise ValueError(f"{path} is damaged: its index does not fit its contents")
    return table, told


def _as_stream(source: Any) -> tuple[list[str], int]:
    """The columns, and the number of parts, that the contents say: the index at the end may lack some of them.

    Polars writes a start that is no stream; its files have the index alone.
    """
    import pyarrow as pa

    names, batches = [], 0
    for message in pa.ipc.MessageReader.open_stream(source):
        if message.type == "schema":
            names = pa.ipc.read_schema(message).names
        batches += message.type == "record batch"
    return names, batches


def _texts(schema: Any) -> int:
    """How many columns hold text."""
    import pyarrow as pa

    return sum(pa.types.is_string(field.type) or pa.types.is_large_string(field.type) for field in schema)


def _check_columns(path: Path, schema: Any) -> None:
    """Raises ValueError for columns whose cells hold several values."""
    import pyarrow as pa

    if not len(schema):
        raise ValueError(f"{path} has no columns")
    kinds = ((field.name, getattr(field.type, "value_type", field.type), field.type) for field in schema)
    nested = [
        f"{name} ({kind})" for name, inner, kind in kinds if pa.types.is_nested(kind) or pa.types.is_nested(inner)
    ]
    refuse_nested(nested, str(path))
