//! Refuses a wrong Z3 at build time, and tells the linker where the pinned one lies.
//!
//! Knows: the pinned version and the folder that `make z3` fills. Must never know: anything of the verifier.

use std::path::Path;

/// Pinned in three places that must agree: here, `.cargo/config.toml`, `tools/z3-wheel.txt`.
const VERSION: &str = "5.3.3.0";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_VENDORED").is_some() {
        return; // Z3 is compiled in; the check at start still asks it for its version.
    }
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let lib = Path::new(&root).join(".z3").join(VERSION).join("lib");
    let so = lib.join("libz3.so");
    println!("cargo::rerun-if-changed={}", so.display());
    if !so.exists() {
        println!(
            "cargo::error=the pinned Z3 {VERSION} is not there: run `make z3` in {root} first"
        );
        return;
    }
    let seen: Vec<String> = ["MAJOR", "MINOR", "PATCH"]
        .iter()
        .filter_map(|part| std::env::var(format!("DEP_Z3_VERSION_{part}")).ok())
        .collect();
    if !seen.is_empty() && seen.join(".") != "5.3.3" {
        println!(
            "cargo::error=z3-sys was built for Z3 {}, not for the pinned {VERSION}: build inside the repository, \
             where .cargo/config.toml is read (then `cargo clean -p z3-sys`)",
            seen.join(".")
        );
        return;
    }
    // DT_RPATH, not DT_RUNPATH: a Z3 on LD_LIBRARY_PATH must not come first. Relative ones let the tree move; the
    // absolute one serves doctests (they run from a temporary folder), `cargo install` and a foreign target folder.
    println!("cargo::rustc-link-arg=-Wl,--disable-new-dtags");
    for up in ["..", "../..", "../../.."] {
        println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN/{up}/.z3/{VERSION}/lib");
    }
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
}
