//! Files and standard input that are too large to hold.
//!
//! Must never know: what a text means.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use kubeproof::base::far::{Excerpt, Far, Pieces};

use super::lower;

/// Shorter texts are held: then messages can underline every word.
pub(super) const FROM: u64 = 1 << 20;
/// Every so many lines it is noted where they begin.
const STEP: u32 = 1 << 14;
/// How much of a line is seen around a place, in characters.
const SEEN: usize = 400;
/// Files from this size on take time that a person notices.
const SLOW: u64 = 64 << 20;

/// A file.
#[derive(Debug)]
pub(super) struct FileText {
    path: PathBuf,
    size: u64,
    /// Where every [`STEP`]th line begins.
    lines: OnceLock<Vec<u64>>,
}

impl FileText {
    pub(super) fn new(path: PathBuf, size: u64) -> Self {
        Self {
            path,
            size,
            lines: OnceLock::new(),
        }
    }

    fn lines(&self) -> io::Result<Vec<u64>> {
        let mut file = BufReader::with_capacity(1 << 20, File::open(&self.path)?);
        let (mut starts, mut line, mut at) = (vec![0], 1_u32, 0_u64);
        loop {
            let piece = file.fill_buf()?;
            if piece.is_empty() {
                return Ok(starts);
            }
            for (index, _) in piece.iter().enumerate().filter(|(_, b)| **b == b'\n') {
                line = line.saturating_add(1);
                if (line - 1).is_multiple_of(STEP) {
                    starts.push(at + index as u64 + 1);
                }
            }
            at += piece.len() as u64;
            let length = piece.len();
            file.consume(length);
        }
    }

    fn around(&self, line: u32, column: u32) -> io::Result<Excerpt> {
        let lines = match self.lines.get() {
            Some(lines) => lines,
            None => self.lines.get_or_init(|| self.lines().unwrap_or_default()),
        };
        let line = line.saturating_sub(1);
        let start = lines.get((line / STEP) as usize).copied().unwrap_or(0);
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut file = BufReader::new(file);
        for _ in 0..line % STEP {
            file.skip_until(b'\n')?;
        }
        // A line may be as long as the file: what is far before the place is passed over.
        let first = (column as usize).saturating_sub(SEEN / 2).max(1);
        let (mut seen, mut passed) = (Vec::new(), 0_usize);
        for byte in file.bytes() {
            let byte = byte?;
            let begins = byte.cast_signed() >= -0x40;
            passed += usize::from(begins);
            if byte == b'\n' || begins && passed >= first + SEEN {
                break;
            }
            if passed >= first {
                seen.push(byte);
            }
        }
        let text = String::from_utf8_lossy(&seen);
        Ok(Excerpt {
            text: text.trim_end_matches('\r').to_owned(),
            column: first,
        })
    }
}

impl Far for FileText {
    fn open(&self) -> Result<Box<dyn Pieces + '_>, String> {
        let file = File::open(&self.path).map_err(|error| lower(&error.to_string()))?;
        Ok(Box::new(Reading {
            reader: Box::new(file),
            bar: Bar::new(self.path.display().to_string(), self.size),
        }))
    }

    fn excerpt(&self, line: u32, column: u32) -> Option<Excerpt> {
        self.around(line, column).ok()
    }

    fn again(&self) -> bool {
        true
    }
}

/// Standard input, of which something was read already.
pub(super) struct StdinText {
    begun: Mutex<Option<Vec<u8>>>,
}

impl StdinText {
    pub(super) fn new(begun: Vec<u8>) -> Self {
        Self {
            begun: Mutex::new(Some(begun)),
        }
    }
}

impl fmt::Debug for StdinText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StdinText")
    }
}

impl Far for StdinText {
    fn open(&self) -> Result<Box<dyn Pieces + '_>, String> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = begun.take().ok_or("standard input can be read only once")?;
        let reader = io::Cursor::new(begun).chain(io::stdin());
        Ok(Box::new(Reading {
            reader: Box::new(reader),
            bar: Bar::new(String::new(), 0),
        }))
    }

    fn excerpt(&self, _: u32, _: u32) -> Option<Excerpt> {
        None
    }

    fn again(&self) -> bool {
        false
    }
}

/// A text that is being read.
struct Reading {
    reader: Box<dyn Read + Send>,
    bar: Bar,
}

impl Pieces for Reading {
    fn next(&mut self, piece: &mut [u8]) -> Result<usize, String> {
        loop {
            match self.reader.read(piece) {
                Ok(count) => {
                    self.bar.step(count as u64);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(lower(&error.to_string())),
            }
        }
    }
}

/// How far the reading is, on a terminal only.
struct Bar {
    name: String,
    size: u64,
    read: u64,
    shown: u64,
}

impl Bar {
    fn new(name: String, size: u64) -> Self {
        let seen = size >= SLOW && io::stderr().is_terminal();
        let size = if seen { size } else { 0 };
        Self {
            name,
            size,
            read: 0,
            shown: 0,
        }
    }

    fn step(&mut self, count: u64) {
        self.read += count;
        if self.size == 0 {
            return;
        }
        let percent = self.read.saturating_mul(100) / self.size;
        if percent > self.shown {
            self.shown = percent;
            let bar: String = (0..25)
                .map(|i| if i * 4 < percent { '#' } else { '.' })
                .collect();
            let mut err = io::stderr().lock();
            let _ = write!(
                err,
                "\rreading {} [{bar}] {percent:>3} %",
                self.name.escape_debug()
            );
            let _ = err.flush();
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown > 0 {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// Whether a text begins as a JSON object does.
pub(super) fn is_json(begin: &[u8]) -> bool {
    let begin = begin.strip_prefix("\u{feff}".as_bytes()).unwrap_or(begin);
    let mut rest = begin.iter().filter(|b| !b.is_ascii_whitespace());
    rest.next() == Some(&b'{') && matches!(rest.next(), Some(b'"' | b'}'))
}

/// The first bytes of a file.
pub(super) fn beginning(path: &std::path::Path) -> io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    File::open(path)?.take(4096).read_to_end(&mut begin)?;
    Ok(begin)
}
