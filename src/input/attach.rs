//! Which text of route tables belongs to which cluster file.
//!
//! Must never know: the lines of such a text.

use super::options::Input;
use super::problems::{Problems, TOLD};
use super::tables;
use crate::base::diag::Diagnostic;
use crate::base::source::{SourceId, SourceMap};
use crate::model::cluster::Cluster;

/// A text of route tables.
#[derive(Debug)]
struct TableText {
    source: SourceId,
    /// The PATH that it came with, and whether it is the text itself.
    path: String,
    named: bool,
    /// Whether a cluster file speaks of it.
    used: bool,
}

/// Texts of route tables.
#[derive(Debug, Default)]
pub(super) struct TableTexts(Vec<TableText>);

impl TableTexts {
    /// One more.
    pub(super) fn add(&mut self, input: &Input) {
        self.0.push(TableText {
            source: input.source,
            path: input.path.clone(),
            named: input.named,
            used: false,
        });
    }

    /// Reads the tables that a cluster speaks of; what is wrong with them.
    pub(super) fn attach(&mut self, sources: &SourceMap, cluster: &mut Cluster) -> Vec<Diagnostic> {
        let Some((file, span)) = cluster.tables.file.clone() else {
            return Vec::new();
        };
        let last = |name: &str| name.rsplit(['/', '\\']).next().map(str::to_owned);
        let fits = |text: &&mut TableText| {
            let beside = text.path == cluster.path || text.named;
            beside && last(sources.get(text.source).name()) == last(&file)
        };
        let mut problems = Problems::with_room(TOLD);
        let mut found = self.0.iter_mut().filter(fits);
        let text = found.next();
        let far = text.and_then(|text| {
            text.used = true;
            Some((text.source, sources.get(text.source).far()?))
        });
        match far {
            None => {
                let message = format!("there is no `{file}` among the texts that are read");
                let diagnostic = Diagnostic::error("T004", span, message);
                problems.push(diagnostic.help("give it as a PATH too, or the folder of both"));
            }
            Some((source, far)) => {
                let name = sources.get(source).name();
                let read = tables::read(source, name, far, cluster, &mut problems);
                cluster.tables = read;
            }
        }
        let untold = problems.untold();
        let mut all = problems.into_list();
        if untold > 0 {
            let message = format!("{untold} more mistakes in these route tables are not told");
            all.push(Diagnostic::error_in("I015", Some(file), message));
        }
        all
    }

    /// Those that nobody speaks of: without a cluster they say nothing.
    pub(super) fn unused(&self, sources: &SourceMap) -> Vec<Diagnostic> {
        let tell = |text: &TableText| {
            let name = sources.get(text.source).name().to_owned();
            let message = "no cluster file beside it speaks of this route table";
            let told = Diagnostic::error_in("T005", Some(name), message)
                .help("write `tables:` and its name into the cluster file");
            // Other programs have files of this ending too.
            if text.named { told } else { told.warning() }
        };
        self.0.iter().filter(|text| !text.used).map(tell).collect()
    }
}
