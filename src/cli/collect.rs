//! `kubeproof collect`: the script that takes a Linux snapshot of a node and its pods.
//!
//! Knows: that it is a text to be read before it is run. Must never know: what is in a dump.

use super::exit::Exit;
use super::output::Output;

/// The script; a test holds it against the layout, and against commands that change something.
pub(crate) const SCRIPT: &str = include_str!("collect.sh");

/// Prints the script.
pub(crate) fn run(output: &mut Output) -> Exit {
    output.print(SCRIPT);
    Exit::Good
}
