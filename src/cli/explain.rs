//! `kubeproof explain ID`.

use kubeproof::base::source::SourceMap;
use kubeproof::{library, session};

use super::exit::Exit;
use super::list;
use super::output::Output;

/// What `explain` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A constraint (KP003, pod-to-pod), a predicate (addr), a code (C007), a disposition (no-rule) or an assumption
    #[arg(value_name = "ID")]
    id: String,
}

/// Says what an id means.
pub(crate) fn run(args: &Args, output: &mut Output) -> Exit {
    let id = args.id.as_str();
    if let Some(text) = constraint(id).or_else(|| list::explain(id)) {
        output.print(&text);
        return Exit::Good;
    }
    output.fail(&format!("there is nothing called `{id}`"));
    output.help("`kubeproof list constraints`, `list predicates`, `list codes`, `list dispositions`, `list assumptions`");
    Exit::Bad
}

/// A built-in constraint: its meaning, its source, its formula as it is checked.
fn constraint(id: &str) -> Option<String> {
    for builtin in library::builtins() {
        let mut sources = SourceMap::new();
        let source = sources.add(builtin.file, builtin.text);
        for c in session::parse(&sources, source).0 {
            if c.id.eq_ignore_ascii_case(id) || c.name == id {
                let opt_in = if builtin.opt_in {
                    "  (opt-in: --enable)"
                } else {
                    ""
                };
                let mut text = format!("{} {}{opt_in}\n  {}\n\n", c.id, c.name, c.title);
                for (word, value) in [("why", &c.reason), ("source", &c.source)] {
                    if let Some(value) = value {
                        text.push_str(&format!("  {word}: {value}\n"));
                    }
                }
                text.push_str(&format!("  text: {}\n\n", builtin.file));
                for line in builtin.text.lines() {
                    text.push_str(&format!("    {line}\n"));
                }
                return Some(text);
            }
        }
    }
    None
}
