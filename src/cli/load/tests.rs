//! Reading PATHs: files, folders, links, sizes, standard input.

use std::fs;
use std::path::PathBuf;

use kubeproof::input::Options;

use super::{Files, load};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kubeproof-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }
    fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(paths: &[String], max: u64) -> Files {
    let options = Options { max_file_size: max };
    load(paths, &mut &b"from: stdin"[..], Some("given.yaml"), options)
}

fn names(files: &Files, below: &Folder) -> Vec<String> {
    let prefix = format!("{}/", below.path());
    let names = files.sources.iter().map(|(_, s)| s.name().to_owned());
    names
        .map(|n| n.strip_prefix(&prefix).unwrap_or(&n).to_owned())
        .collect()
}

#[test]
fn folders_in_order() {
    let folder = Folder::new("order");
    folder
        .file("b.yaml", "b")
        .file("a/z.JSON", "{}")
        .file("a/y.yml", "")
        .file("c.spec", "");
    folder
        .file(".hidden.yaml", "")
        .file(".git/x.yaml", "")
        .file("readme.md", "")
        .file("yaml", "");
    folder
        .file(
            "snap/snapshot.yaml",
            "apiVersion: kubeproof.dev/v1\nkind: LinuxSnapshot\nnamespaces: [{name: ns1, kind: Node}]\n",
        )
        .file("snap/pods.yaml", "")
        .file("snap/ns1/other.json", "[]")
        .file("snap/ns1/addr.json", "[]");
    let files = read(&[folder.path()], 1000);
    assert_eq!(
        names(&files, &folder),
        [
            "a/y.yml",
            "a/z.JSON",
            "b.yaml",
            "c.spec",
            // Of a namespace's folder the files of the layout, and no others.
            "snap/ns1/addr.json",
            "snap/pods.yaml",
            "snap/snapshot.yaml"
        ]
    );
    assert!(
        files
            .inputs
            .iter()
            .all(|i| !i.named && i.path == folder.path())
    );
    assert!(files.diagnostics.is_empty());
}

#[test]
fn named_files_are_read_whatever_their_name() {
    let folder = Folder::new("named");
    folder.file(".x.txt", "a: 1");
    let files = read(&[folder.at(".x.txt"), "-".to_owned(), "-".to_owned()], 1000);
    assert_eq!(names(&files, &folder), [".x.txt", "given.yaml"]);
    assert!(files.inputs.iter().all(|i| i.named));
    let message = &files.diagnostics[0].message;
    assert_eq!(message, "standard input can be read only once");
}

#[test]
fn trouble() {
    let folder = Folder::new("trouble");
    folder
        .file("big.yaml", "x".repeat(20))
        .file("bad.yaml", b"ab\xffc")
        .file("wide.yaml", b"\xff\xfea\0");
    let missing = folder.at("none.yaml");
    let files = read(&[folder.path(), missing, "-".to_owned()], 10);
    let told: Vec<_> = files
        .diagnostics
        .iter()
        .map(|d| (d.code, d.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("I002", "not UTF-8: byte 3 is 0xff"),
            ("I003", "the file is larger than 10 bytes"),
            ("I002", "not UTF-8: byte 1 is 0xff"),
            ("I004", "there is no such file or folder"),
            ("I003", "the file is larger than 10 bytes"),
        ]
    );
    assert!(files.inputs.is_empty());
}

#[cfg(unix)]
#[test]
fn loops_of_links_end() {
    let folder = Folder::new("loop");
    folder.file("a/b/x.yaml", "");
    std::os::unix::fs::symlink(folder.at("a"), folder.at("a/b/again")).unwrap();
    std::os::unix::fs::symlink(folder.at("nowhere"), folder.at("a/broken.yaml")).unwrap();
    let files = read(&[folder.path()], 10);
    assert_eq!(names(&files, &folder), ["a/b/x.yaml"]);
    assert_eq!(files.diagnostics.len(), 1, "{:?}", files.diagnostics);
}
