//! How long, on how many threads, and what is told where it ends early.

#![allow(
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop"
)]

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const K1: &str = "examples/k1/cluster.yaml";

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubeproof"));
    command
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn file(name: &str, text: &[u8]) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("limits");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn generated(nodes: &str, pods: &str) -> Vec<u8> {
    let made = run(&["generate", "--nodes", nodes, "--pods-per-node", pods]);
    assert!(made.status.success());
    made.stdout
}

/// Constraints that hold, and one in three that does not.
fn specs(count: usize) -> String {
    (0..count).fold(String::new(), |mut all, i| {
        let most = if i % 3 == 0 { 1 } else { 40 + i };
        let _ = write!(
            all,
            "constraint c{i} \"a message arrives soon\"\nforall e, X, Y. Send(e, X, _, _, _, _) and Recv(e, Y, _, _, _, _) => hops(e) <= {most}\n\n"
        );
        all
    })
}

#[test]
fn as_many_threads_as_wanted_tell_the_same() {
    let specs = file("jobs.spec", specs(4).as_bytes());
    let one = file("one.json", &generated("4", "2"));
    let clusters = [
        K1,
        "examples/broken/backdoor",
        "examples/broken/duplicate-pod-address",
    ];
    let of_clusters = ["-o", "json", clusters[0], clusters[1], clusters[2]];
    let of_users = ["-o", "json", "--strategy", "modular", &one, &specs];
    for args in [&of_clusters[..], &of_users] {
        let with = |jobs| run(&[&["verify", "--jobs", jobs], args].concat());
        let (alone, several) = (with("1"), with("3"));
        assert_eq!(alone.status.code(), Some(1));
        assert_eq!(several.status.code(), Some(1));
        assert!(alone.stdout.len() > 1000 && alone.stdout == several.stdout);
        // No terminal, no progress.
        assert!(several.stderr.is_empty());
    }
}

#[test]
fn when_the_time_for_all_is_up_the_rest_is_unknown() {
    let got = run(&["verify", "--total-timeout", "0", "-o", "json", K1]);
    assert_eq!(got.status.code(), Some(3));
    let text = String::from_utf8(got.stdout).unwrap();
    assert!(
        text.contains("the time for all constraints is up"),
        "{text}"
    );
    assert!(!text.contains("\"verdict\": \"proven\""), "{text}");
}

/// Ctrl-C while it is decided, in the solver or out of it: what is known is told. Before, nothing is known.
#[cfg(unix)]
#[test]
fn an_interrupted_run_tells_what_it_knows() {
    let large = file("large.json", &generated("20", "10"));
    // How long it reads and encodes is the machine's affair: before anything is asked a signal ends the process.
    for seconds in [3, 6, 12, 24, 48] {
        let args = ["verify", "--strategy", "direct", "-o", "json", &large];
        let child = command(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_secs(seconds));
        let begin = Instant::now();
        let killed = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
        let got = child.wait_with_output().unwrap();
        let code = got.status.code();
        // The very beginning has no handler yet.
        if code.is_none_or(|code| code == 130) {
            assert!(got.stdout.is_empty());
            continue;
        }
        assert_eq!(code, Some(3));
        assert!(begin.elapsed() < Duration::from_secs(60));
        let text = String::from_utf8(got.stdout).unwrap();
        assert!(text.contains("interrupted"), "{text}");
        assert!(text.contains("\"KP001\""), "{text}");
        return;
    }
    panic!("the solver was never reached");
}
