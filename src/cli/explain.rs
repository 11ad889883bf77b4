//! `kubeproof explain ID`.

use kubeproof::base::source::SourceMap;
use kubeproof::{input, library, session};

use super::exit::Exit;
use super::list;
use super::load;
use super::output::Output;

/// What `explain` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A constraint (KP003, pod-to-pod), a predicate (addr), a code (C007), a disposition (no-rule) or an assumption
    #[arg(value_name = "ID")]
    id: String,

    /// Files and folders with intents: what the intent of this name stands for
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
}

/// Says what an id means.
pub(crate) fn run(args: &Args, output: &mut Output) -> Exit {
    let id = args.id.as_str();
    if !args.paths.is_empty() {
        return of_paths(id, &args.paths, output);
    }
    if let Some(text) = constraint(id)
        .or_else(|| list::explain(id))
        .or_else(|| assumed(id))
    {
        output.print(&text);
        return Exit::Good;
    }
    output.fail(&format!("there is nothing called `{id}`"));
    output.help("`kubeproof list constraints`, `list predicates`, `list codes`, `list dispositions`, `list assumptions`");
    Exit::Bad
}

/// An assumption of the theorem.
fn assumed(id: &str) -> Option<String> {
    let a = kubeproof::theorem::assumption(id)?;
    Some(format!(
        "{0} (assumption of the theorem)\n  {1}\n\n  `kubeproof theorem --without {0}` shows the smallest cluster that needs it\n",
        a.id, a.title
    ))
}

/// The constraint that an intent stands for.
fn of_paths(id: &str, paths: &[String], output: &mut Output) -> Exit {
    let reading = input::Options::default();
    let files = load::load(paths, &mut std::io::stdin().lock(), None, reading);
    let loaded = input::load(&files.sources, &files.inputs, reading);
    let of_clusters = loaded.clusters.iter().flat_map(|c| &c.diagnostics);
    let all = files.diagnostics.iter().chain(&loaded.diagnostics);
    output.diagnostics(&files.sources, all.chain(of_clusters));
    let mut intents = loaded.intents.iter().filter_map(|i| i.intent.as_ref());
    if let Some(intent) = intents.find(|i| i.name == id) {
        let word = intent.wish.word();
        let text = kubeproof::intent::text(intent);
        output.print(&format!("intent {id} ({word}) stands for\n\n{text}"));
        return Exit::Good;
    }
    output.fail(&format!("the PATHs hold no intent `{id}` that can be read"));
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
