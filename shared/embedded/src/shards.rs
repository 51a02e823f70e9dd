//! Records on this machine: a file with one record a line, or the local stream.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use tidemill_core::batch::{Batch, Position, Record};
use tidemill_core::digest;

use crate::error::HostError;
use crate::ports::now_micros;
use crate::state;

/// How many records a batch holds at most, and about how many bytes.
const BATCH_RECORDS: usize = 2_000;
const BATCH_BYTES: usize = 4 << 20;

/// The longest record; what is longer arrives cut, and so is rejected by whoever parses it.
const RECORD_BYTES: u64 = 10 << 20;

/// The shards of the local stream.
const SHARDS: u64 = 4;

/// A file as a shard: append-only, a record a line. A record's sequence number is the offset of its end,
/// so that the head's position says where to go on.
pub(crate) struct RecordFile {
    path: PathBuf,
    name: String,
    modified: Timestamp,
}

impl RecordFile {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let whole = path.canonicalize()?;
        let mut first = Vec::new();
        let file = File::open(&whole)?;
        let modified = Timestamp::try_from(file.metadata()?.modified()?).unwrap_or(Timestamp::UNIX_EPOCH);
        BufReader::new(file.take(RECORD_BYTES)).read_until(b'\n', &mut first)?;
        let file_name = whole.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Another first line is another stream, though the path be the same.
        let tag = digest::name_of(&[&whole.to_string_lossy(), &String::from_utf8_lossy(&first)]);
        Ok(Self { path: whole, name: format!("{file_name}-{}", &tag[..8]), modified })
    }

    /// The shard's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The records behind `position`; none at the end. While the file may `grow`, a last line without its line
    /// feed is left until it has one.
    pub(crate) fn read(&self, stream: &str, position: Option<Position>, grow: bool) -> Result<Batch, String> {
        let start = position.map_or(0, |position| u64::try_from(position.sequence).unwrap_or(u64::MAX));
        let read = || -> std::io::Result<Result<Vec<Record>, String>> {
            let mut file = File::open(&self.path)?;
            let length = file.metadata()?.len();
            if start > length {
                return Ok(Err(format!(
                    "it has {length} bytes, and {start} were taken in before; give a file that only grows"
                )));
            }
            file.seek(SeekFrom::Start(start))?;
            let mut reader = BufReader::with_capacity(1 << 16, file);
            let (mut offset, mut bytes, mut records) = (start, 0, Vec::new());
            while records.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
                let mut line = Vec::new();
                let mut taken = (&mut reader).take(RECORD_BYTES).read_until(b'\n', &mut line)? as u64;
                if taken == 0 {
                    break;
                }
                if grow && taken < RECORD_BYTES && line.last() != Some(&b'\n') {
                    break;
                }
                if taken == RECORD_BYTES && line.last() != Some(&b'\n') {
                    taken += skip_line(&mut reader)?;
                }
                offset += taken;
                let text = line.trim_ascii_end();
                if text.is_empty() {
                    continue;
                }
                bytes += text.len();
                records.push(Record {
                    sequence: offset.into(),
                    sub_sequence: 0,
                    key: String::new(),
                    arrival: self.modified,
                    data: Bytes::copy_from_slice(text),
                });
            }
            Ok(Ok(records))
        };
        let records = read().map_err(|error| error.to_string())??;
        Ok(Batch { stream: stream.to_owned(), shard: self.name.clone(), records })
    }
}

/// Skips to behind the next line feed without keeping anything.
fn skip_line(reader: &mut impl BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        if length == 0 {
            return Ok(skipped);
        }
        reader.consume(length);
        skipped += length as u64;
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

/// Appends records, each with its partition key, to the local stream `stream` of the pipeline in `dir`
/// (`state` where its state was put elsewhere), all or none. A record goes to the shard that its key falls
/// to, with the next sequence number there.
pub fn append(
    dir: &Path,
    state: Option<&Path>,
    stream: &str,
    records: &[(String, Bytes)],
) -> Result<(), HostError> {
    let folder = state::folder(dir, state);
    let wrap = |cause: String| HostError::State { path: folder.clone(), cause };
    std::fs::create_dir_all(&folder).map_err(|error| wrap(error.to_string()))?;
    let connection = state::connect(&folder.join(state::FILE))?;
    let append = || -> rusqlite::Result<()> {
        let transaction = connection.unchecked_transaction()?;
        append_to(&transaction, stream, records)?;
        transaction.commit()
    };
    append().map_err(|error| wrap(error.to_string()))
}

fn append_to(connection: &Connection, stream: &str, records: &[(String, Bytes)]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO records VALUES (?1, ?2,
           (SELECT coalesce(max(sequence), 0) + 1 FROM records WHERE stream = ?1 AND shard = ?2), ?3, ?4, ?5)",
    )?;
    for (key, data) in records {
        let hash = u64::from_str_radix(&digest::name_of(&[key])[..16], 16).unwrap_or(0);
        let shard = format!("shard-{}", hash % SHARDS);
        insert.execute(params![stream, shard, key, now_micros(), data.as_ref()])?;
    }
    Ok(())
}

/// The shards of the local stream that hold records.
pub(crate) fn local_shards(connection: &Connection, stream: &str) -> rusqlite::Result<Vec<String>> {
    let mut query =
        connection.prepare_cached("SELECT DISTINCT shard FROM records WHERE stream = ?1 ORDER BY shard")?;
    query.query_map([stream], |row| row.get(0))?.collect()
}

/// The records of a shard of the local stream behind `position`; none at the end.
pub(crate) fn read_local(
    connection: &Connection,
    stream: &str,
    shard: &str,
    position: Option<Position>,
) -> rusqlite::Result<Batch> {
    let after = position.map_or(0, |position| {
        u64::try_from(position.sequence).ok().and_then(|after| i64::try_from(after).ok()).unwrap_or(i64::MAX)
    });
    let mut query = connection.prepare_cached(
        "SELECT sequence, key, arrival, data FROM records
         WHERE stream = ?1 AND shard = ?2 AND sequence > ?3 ORDER BY sequence LIMIT ?4",
    )?;
    let rows = query.query_map(params![stream, shard, after, BATCH_RECORDS as i64], |row| {
        let sequence: i64 = row.get(0)?;
        Ok(Record {
            sequence: sequence.unsigned_abs().into(),
            sub_sequence: 0,
            key: row.get(1)?,
            arrival: Timestamp::from_microsecond(row.get(2)?).unwrap_or(Timestamp::UNIX_EPOCH),
            data: row.get::<_, Vec<u8>>(3)?.into(),
        })
    })?;
    let records = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(Batch { stream: stream.to_owned(), shard: shard.to_owned(), records })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn texts(batch: &Batch) -> Vec<&[u8]> {
        batch.records.iter().map(|record| record.data.as_ref()).collect()
    }

    #[test]
    fn a_file_goes_on_where_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        std::fs::write(&path, "one\n\n two \r\n").unwrap();
        let file = RecordFile::open(&path).unwrap();
        let batch = file.read("s", None, false).unwrap();
        assert_eq!(texts(&batch), [b"one".as_slice(), b" two"]);
        let last = batch.records.last().map(Record::position);
        assert!(file.read("s", last, false).unwrap().records.is_empty());
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"three").unwrap();
        assert_eq!(RecordFile::open(&path).unwrap().name(), file.name());
        assert!(file.read("s", last, true).unwrap().records.is_empty(), "its line may go on");
        assert_eq!(texts(&file.read("s", last, false).unwrap()), [b"three"]);
        std::fs::write(&path, "one\n").unwrap();
        assert!(file.read("s", last, false).unwrap_err().contains("only grows"));
    }

    #[test]
    fn a_giant_line_costs_one_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        let mut text = vec![b'x'; 11 << 20];
        text.extend_from_slice(b"\nnext\n");
        std::fs::write(&path, text).unwrap();
        let file = RecordFile::open(&path).unwrap();
        let first = file.read("s", None, false).unwrap();
        assert_eq!(first.records.len(), 1);
        assert_eq!(first.records[0].data.len(), 10 << 20);
        let rest = file.read("s", first.records.last().map(Record::position), false).unwrap();
        assert_eq!(texts(&rest), [b"next"]);
    }
}
