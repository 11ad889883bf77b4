//! online-boutique (GoogleCloudPlatform/microservices-demo): its network as released, and what its policies are for.
//!
//! The manifests are others' files and are not copied: where they are absent, the test says so and passes. The intents in
//! `tests/cases/online-boutique` are the edges of its service graph, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops at what it cannot read, and says what it could not check"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const INTENTS: &str = "tests/cases/online-boutique/intents.yaml";

fn manifests() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../shared/cases/manifests/online-boutique");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("the manifests of online-boutique are not here: nothing is tested");
    None
}

/// The exit code, and verdicts by constraint.
fn verify(args: &[&str], paths: &[&Path]) -> (Option<i32>, BTreeMap<String, String>) {
    let run = Command::new(env!("CARGO_BIN_EXE_kubeproof"))
        .args(["verify", "--together", "-o", "json"])
        .args(args)
        .args(paths)
        .output()
        .unwrap();
    let told = String::from_utf8(run.stdout).unwrap();
    let json: serde_json::Value = serde_json::from_str(&told)
        .unwrap_or_else(|e| panic!("{e}: {told}{}", String::from_utf8_lossy(&run.stderr)));
    let results = json["clusters"][0]["results"].as_array().unwrap();
    let word = |r: &serde_json::Value, key: &str| r[key].as_str().unwrap().to_owned();
    let verdicts = results.iter().map(|r| (word(r, "id"), word(r, "verdict")));
    (run.status.code(), verdicts.collect())
}

#[test]
fn its_network_conforms_with_and_without_its_policies() {
    let Some(folder) = manifests() else { return };
    let app = folder.join("kubernetes-manifests.yaml");
    let policies = folder.join("network-policies");
    for paths in [vec![app.as_path()], vec![app.as_path(), policies.as_path()]] {
        let (exit, verdicts) = verify(&[], &paths);
        assert_eq!(exit, Some(0), "{verdicts:?}");
        for id in ["KP001", "KP003", "KP006", "KP008", "KP009", "KP010"] {
            assert_eq!(verdicts[id], "proven", "{id}: {verdicts:?}");
        }
    }
}

#[test]
fn its_policies_leave_the_edges_of_its_service_graph_and_nothing_else() {
    let Some(folder) = manifests() else { return };
    let app = folder.join("kubernetes-manifests.yaml");
    let policies = folder.join("network-policies");
    let intents = Path::new(INTENTS);
    let only = ["--only", "intents"];
    let (exit, with) = verify(&only, &[&app, &policies, intents]);
    assert_eq!(with.len(), 17, "{with:?}");
    assert!(with.values().all(|v| v == "proven"), "{with:?}");
    assert_eq!(exit, Some(0));
    // Without them every edge works too, and so does everything else.
    let (exit, without) = verify(&only, &[&app, intents]);
    assert_eq!(exit, Some(1));
    for (id, verdict) in &without {
        // The load generator listens on no port.
        let works = id.ends_with("-calls") || id == "nobody-calls-loadgenerator";
        let wanted = if works { "proven" } else { "violated" };
        assert_eq!(verdict, wanted, "{id}");
    }
    // Without the policy of one, something is broken that is said of it, and nothing else.
    let files = std::fs::read_dir(&policies).unwrap();
    let files: Vec<PathBuf> = files.map(|f| f.unwrap().path()).collect();
    let rest = files
        .iter()
        .filter(|f| !f.ends_with("network-policy-cartservice.yaml"));
    let paths: Vec<&Path> = [app.as_path(), intents]
        .into_iter()
        .chain(rest.map(PathBuf::as_path))
        .collect();
    let (exit, verdicts) = verify(&only, &paths);
    assert_eq!(exit, Some(1));
    let broken = verdicts.iter().filter(|(_, v)| *v != "proven");
    let broken: Vec<&str> = broken.map(|(id, _)| id.as_str()).collect();
    // Under `deny-all` alone it neither answers nor asks.
    let wanted = [
        "cartservice-calls",
        "checkoutservice-calls",
        "frontend-calls",
        "only-clients-reach-cartservice",
        "only-clients-reach-redis-cart",
    ];
    assert_eq!(broken, wanted);
}
