//! The only reader of files and of standard input.
//!
//! Knows: PATHs, folders, sizes, encodings. Must never know: what a text means.
//!
//! A folder is read in the order of its names, so that the same files give the same bytes on every file system.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubeproof::base::diag::Diagnostic;
use kubeproof::base::far::Far;
use kubeproof::base::source::SourceMap;
use kubeproof::input::linux::layout;
use kubeproof::input::{Input, Options};

mod far;

/// What a PATH means standard input.
const STDIN: &str = "-";
/// Folders in folders beyond this are no project.
const DEEPEST: usize = 64;
/// More entries than this are no project either; links that fork and join would make them.
const MOST: usize = 1_000_000;
const EXTENSIONS: [&str; 5] = ["yaml", "yml", "json", "spec", TABLES];
/// Route tables (docs/route-tables.md).
const TABLES: &str = "routes";
/// Dumps of tools have no limit but that of positions in them.
const DUMPS: Options = Options {
    max_file_size: u64::MAX,
};

/// The texts of all PATHs.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// The texts.
    pub(crate) sources: SourceMap,
    /// Each text with the PATH that it came with, in the order of the PATHs.
    pub(crate) inputs: Vec<Input>,
    /// What could not be read.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The PATHs of which something could not be read.
    pub(crate) incomplete: Vec<String>,
}

/// Reads PATHs. `stdin_name` is what `-` is called in messages.
pub(crate) fn load(
    paths: &[String],
    stdin: &mut dyn Read,
    stdin_name: Option<&str>,
    options: Options,
) -> Files {
    let mut files = Files::default();
    let mut stdin_used = false;
    for path in paths {
        let before = files.diagnostics.len();
        if path == STDIN {
            if stdin_used {
                files.trouble("I004", path, "standard input can be read only once");
                files.incomplete.push(path.clone());
                continue;
            }
            stdin_used = true;
            files.stdin(stdin_name.unwrap_or(STDIN), stdin, options);
        } else {
            match fs::metadata(path) {
                Ok(meta) if meta.is_dir() => files.folder(path, options),
                Ok(_) => {
                    files.file(Path::new(path), path, true, options);
                    files.below(path, options);
                }
                Err(error) => files.unreadable(path, &error),
            }
        }
        if files.diagnostics.len() > before {
            files.incomplete.push(path.clone());
        }
    }
    files
}

/// A walk through a folder.
#[derive(Debug, Default)]
struct Walk {
    /// The folders from the top to here, by their real names.
    open: BTreeSet<PathBuf>,
    /// Files, and whether each is a dump of a tool.
    found: Vec<(PathBuf, bool)>,
    seen: usize,
}

impl Files {
    fn trouble(&mut self, code: &'static str, file: &str, message: impl Into<String>) {
        self.diagnostics
            .push(Diagnostic::error_in(code, Some(file.to_owned()), message));
    }

    fn unreadable(&mut self, name: &str, error: &io::Error) {
        let message = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
            io::ErrorKind::PermissionDenied => "reading it is not permitted".to_owned(),
            _ => format!("it cannot be read: {}", lower(&error.to_string())),
        };
        self.trouble("I004", name, message);
    }

    /// The dumps that belong to a snapshot's top file that was named itself.
    fn below(&mut self, path: &str, options: Options) {
        let file = Path::new(path);
        if file.file_name().is_none_or(|n| n != layout::TOP) || !is_snapshot(file, options) {
            return;
        }
        let folder = file.parent().unwrap_or(Path::new(""));
        let here = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let mut folders: Vec<PathBuf> = match fs::read_dir(here) {
            Ok(entries) => entries
                .flatten()
                .map(|e| folder.join(e.file_name()))
                .collect(),
            Err(error) => return self.unreadable(path, &error),
        };
        folders.sort();
        let mut walk = Walk::default();
        for folder in folders.iter().filter(|f| f.is_dir()) {
            dumps(folder, &mut walk);
        }
        self.all(walk, path, options);
    }

    fn all(&mut self, walk: Walk, path: &str, options: Options) {
        for (file, dump) in walk.found {
            let options = if dump { DUMPS } else { options };
            self.file(&file, path, false, options);
        }
    }

    /// All files of a folder that are read, in the order of their names.
    fn folder(&mut self, path: &str, options: Options) {
        let mut walk = Walk::default();
        self.walk(Path::new(path), &mut walk, options);
        if walk.seen > MOST {
            self.trouble("I004", path, "the folder holds too much to be read");
            return;
        }
        self.all(walk, path, options);
    }

    fn walk(&mut self, folder: &Path, walk: &mut Walk, options: Options) {
        let shown = folder.display().to_string();
        if walk.open.len() >= DEEPEST {
            self.trouble("I004", &shown, "folders lie too deep in each other");
            return;
        }
        // A folder inside itself, by way of a link, is there already.
        let real = match folder.canonicalize() {
            Ok(real) => real,
            Err(error) => return self.unreadable(&shown, &error),
        };
        if !walk.open.insert(real.clone()) {
            return;
        }
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries: Vec<PathBuf> = match entries {
            Ok(entries) => entries.iter().map(fs::DirEntry::path).collect(),
            Err(error) => return self.unreadable(&shown, &error),
        };
        entries.sort();
        // What lies below a snapshot is dumps of tools, and no objects.
        let snapshot = is_snapshot(&folder.join(layout::TOP), options);
        for entry in entries {
            walk.seen += 1;
            if walk.seen > MOST {
                break;
            }
            let hidden = entry
                .file_name()
                .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
            if hidden {
                continue;
            }
            match fs::metadata(&entry) {
                Ok(meta) if meta.is_dir() && snapshot => dumps(&entry, walk),
                Ok(meta) if meta.is_dir() => self.walk(&entry, walk, options),
                Ok(meta) if meta.is_file() && is_read(&entry) => walk.found.push((entry, false)),
                Err(error) if is_read(&entry) => {
                    self.unreadable(&entry.display().to_string(), &error);
                }
                // Sockets, devices, and files of other names.
                Ok(_) | Err(_) => {}
            }
        }
        walk.open.remove(&real);
    }

    /// JSON on standard input knows no limit.
    fn stdin(&mut self, name: &str, stdin: &mut dyn Read, options: Options) {
        let mut begun = Vec::new();
        if let Err(error) = stdin.take(far::FROM).read_to_end(&mut begun) {
            return self.unreadable(name, &error);
        }
        if begun.len() as u64 == far::FROM && far::is_json(&begun) {
            let far = Arc::new(far::StdinText::new(begun));
            return self.far(name, name, true, far);
        }
        let mut all = io::Cursor::new(begun).chain(stdin);
        if let Some(bytes) = self.bounded(name, &mut all, options) {
            self.text(name, name, true, bytes);
        }
    }

    fn far(&mut self, name: &str, path: &str, named: bool, far: Arc<dyn Far>) {
        let source = self.sources.add_far(name, far);
        self.inputs.push(Input {
            source,
            path: path.to_owned(),
            named,
        });
    }

    fn file(&mut self, file: &Path, path: &str, named: bool, options: Options) {
        let name = if named {
            path.to_owned()
        } else {
            file.display().to_string()
        };
        let size = fs::metadata(file).map_or(0, |meta| meta.len());
        if streams(file, size) {
            let far = Arc::new(far::FileText::new(file.to_owned(), size));
            return self.far(&name, path, named, far);
        }
        if size > options.largest() {
            self.too_large(&name, options);
            return;
        }
        match fs::File::open(file) {
            Ok(mut reader) => {
                if let Some(bytes) = self.bounded(&name, &mut reader, options) {
                    self.text(&name, path, named, bytes);
                }
            }
            Err(error) => self.unreadable(&name, &error),
        }
    }

    /// Reads no more than is allowed: pipes and devices tell no size beforehand.
    fn bounded(&mut self, name: &str, reader: &mut dyn Read, options: Options) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        match reader.take(options.largest() + 1).read_to_end(&mut bytes) {
            Ok(read) if read as u64 > options.largest() => {
                self.too_large(name, options);
                None
            }
            Ok(_) => Some(bytes),
            Err(error) => {
                self.unreadable(name, &error);
                None
            }
        }
    }

    fn too_large(&mut self, name: &str, options: Options) {
        let message = format!("the file is larger than {} bytes", options.largest());
        self.diagnostics.push(
            Diagnostic::error_in("I003", Some(name.to_owned()), message)
                .help("`--max-file-size` sets another limit"),
        );
    }

    fn text(&mut self, name: &str, path: &str, named: bool, bytes: Vec<u8>) {
        match String::from_utf8(bytes) {
            Ok(text) => {
                let source = self.sources.add(name, text);
                self.inputs.push(Input {
                    source,
                    path: path.to_owned(),
                    named,
                });
            }
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let bytes = error.as_bytes();
                let message = format!("not UTF-8: byte {} is 0x{:02x}", at + 1, bytes[at]);
                let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
                let help = if utf16 {
                    "it looks like UTF-16; save it as UTF-8"
                } else {
                    "save it as UTF-8"
                };
                let diagnostic = Diagnostic::error_in("I002", Some(name.to_owned()), message);
                self.diagnostics.push(diagnostic.help(help));
            }
        }
    }
}

/// Whether a file is the top of a snapshot.
fn is_snapshot(file: &Path, options: Options) -> bool {
    let Ok(opened) = fs::File::open(file) else {
        return false;
    };
    let mut bytes = Vec::new();
    let read = opened.take(options.largest()).read_to_end(&mut bytes);
    read.is_ok() && layout::is_top(&String::from_utf8_lossy(&bytes))
}

/// The dumps of one namespace: the files of the layout and no others, in the order of their names.
fn dumps(folder: &Path, walk: &mut Walk) {
    for name in layout::FILES {
        walk.seen += 1;
        let file = folder.join(name);
        if walk.seen <= MOST && file.is_file() {
            walk.found.push((file, true));
        }
    }
}

fn is_read(file: &Path) -> bool {
    EXTENSIONS.iter().any(|known| is_a(file, known))
}

fn is_a(file: &Path, wanted: &str) -> bool {
    let extension = file.extension().and_then(|e| e.to_str());
    extension.is_some_and(|e| e.eq_ignore_ascii_case(wanted))
}

/// Whether a file is read without being held: dumps, and tables of routes.
fn streams(file: &Path, size: u64) -> bool {
    let dump = || far::beginning(file).is_ok_and(|begin| far::is_json(&begin));
    is_a(file, TABLES) || size >= far::FROM && is_a(file, "json") && dump()
}

/// The system's messages begin with a capital.
fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests;
