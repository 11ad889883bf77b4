//! Large files through the command: places and lines in messages, standard input, route tables beside a cluster file.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn run(arguments: &str, folder: &Path, stdin: Option<&Path>) -> (Option<i32>, String, String) {
    let input = stdin.map_or_else(Stdio::null, |path| File::open(path).unwrap().into());
    let output = Command::new(env!("CARGO_BIN_EXE_kubeproof"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(input)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn generate(arguments: &str, folder: &Path) -> String {
    let (code, text, errors) = run(&format!("generate {arguments}"), folder, None);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    text
}

#[test]
fn a_mistake_in_a_dump_shows_its_line() {
    let folder = folder("far-mistake");
    let dump = generate(
        "--format kubernetes --nodes 4 --pods-per-node 50 --pad 15000",
        &folder,
    );
    assert!(dump.len() > 2 << 20);
    // In the last pod, behind tens of thousands of lines.
    let at = dump.rfind("\"containerPort\": 8080").unwrap();
    let wrong = format!(
        "{}\"containerPort\": 808080{}",
        &dump[..at],
        &dump[at + 21..]
    );
    let line = wrong[..at].matches('\n').count() + 1;
    for (name, text) in [
        ("pretty", wrong.clone()),
        ("one-line", wrong.replace("\n", " ")),
    ] {
        fs::write(folder.join(format!("{name}.json")), &text).unwrap();
        let (code, _, errors) = run(&format!("verify {name}.json"), &folder, None);
        assert_eq!(code, Some(2), "{errors}");
        let line = if name == "pretty" { line } else { 1 };
        assert!(
            errors.contains(&format!("  --> {name}.json:{line}:")),
            "{errors}"
        );
        assert!(errors.contains("\"containerPort\": 808080,"), "{errors}");
        assert!(errors.contains(" ^^^^^^\n"), "{errors}");
    }
    let path = folder.join("pretty.json");
    let (code, _, errors) = run("verify -", &folder, Some(&path));
    assert_eq!(code, Some(2));
    assert!(errors.contains(&format!("  --> -:{line}:")), "{errors}");
}

#[test]
fn standard_input_may_be_a_long_dump() {
    let folder = folder("far-stdin");
    for (form, expected) in [
        ("kubernetes", "there is no cluster `none`"),
        ("pod-list", "can be read twice"),
    ] {
        let dump = generate(
            &format!("--format {form} --nodes 4 --pods-per-node 30 --pad 15000"),
            &folder,
        );
        let path = folder.join("dump.json");
        fs::write(&path, dump).unwrap();
        let (code, _, errors) = run("verify --cluster none -", &folder, Some(&path));
        assert!(code == Some(2) && errors.contains(expected), "{errors}");
        let (_, _, errors) = run("verify --cluster none dump.json", &folder, None);
        assert!(errors.contains("there is no cluster `none`"), "{errors}");
    }
}

#[test]
fn a_trace_names_the_line_of_a_route() {
    let folder = folder("far-routes");
    let size = "--nodes 3 --pods-per-node 2";
    fs::create_dir(folder.join("dir")).unwrap();
    let cluster = generate(&format!("{size} --tables fibs.routes"), &folder);
    fs::write(folder.join("dir/cluster.json"), cluster).unwrap();
    let routes = generate(&format!("{size} --format routes"), &folder);
    let line = routes
        .lines()
        .position(|l| l == "10.0.2.0/24 node-3")
        .unwrap()
        + 1;
    fs::write(folder.join("dir/fibs.routes"), routes).unwrap();
    let (code, text, errors) = run("trace dir --from pod-1-1 --to pod-3-1", &folder, None);
    assert_eq!(code, Some(0), "{text}{errors}");
    assert!(text.contains(&format!("fibs.routes:{line}")), "{text}");
    let (code, _, errors) = run("verify dir/cluster.json", &folder, None);
    assert!(
        code == Some(2) && errors.contains("error[T004]"),
        "{errors}"
    );
    let (code, _, errors) = run("verify dir/fibs.routes", &folder, None);
    assert!(
        code == Some(2) && errors.contains("error[T005]"),
        "{errors}"
    );
}

#[test]
fn generate_refuses_what_cannot_be() {
    let folder = folder("far-generate");
    for arguments in [
        "--nodes 0",
        "--fault nonsense",
        "--policies 3",
        "--nodes 2 --fault loop",
        "--format snapshot",
        "--format snapshot --output x --services 1",
        "--output x",
    ] {
        let (code, text, errors) = run(&format!("generate {arguments}"), &folder, None);
        assert_eq!((code, text.as_str()), (Some(2), ""), "{errors}");
        assert!(errors.starts_with("error: "), "{errors}");
    }
}
