//! Which text of route tables belongs to which cluster file.
//!
//! Must never know: the lines of such a text.

use super::problems::{Problems, TOLD};
use super::tables;
use crate::base::diag::Diagnostic;
use crate::base::source::{SourceId, SourceMap};
use crate::model::cluster::Cluster;

/// Texts of route tables, each with the PATH that it came with, and whether somebody speaks of it.
#[derive(Debug, Default)]
pub(super) struct TableTexts(Vec<(SourceId, String, bool)>);

impl TableTexts {
    /// One more.
    pub(super) fn add(&mut self, source: SourceId, path: &str) {
        self.0.push((source, path.to_owned(), false));
    }

    /// Reads the tables that a cluster speaks of; what is wrong with them.
    pub(super) fn attach(&mut self, sources: &SourceMap, cluster: &mut Cluster) -> Vec<Diagnostic> {
        let Some((file, span)) = cluster.tables.file.clone() else {
            return Vec::new();
        };
        let last = |name: &str| name.rsplit(['/', '\\']).next().map(str::to_owned);
        let fits = |(source, path, _): &&mut (SourceId, String, bool)| {
            // Named by itself on the command line, a text is its own PATH.
            let beside = *path == cluster.path || path == sources.get(*source).name();
            beside && last(sources.get(*source).name()) == last(&file)
        };
        let mut problems = Problems::with_room(TOLD);
        let mut found = self.0.iter_mut().filter(fits);
        let text = found.next();
        let far = text.and_then(|(source, _, used)| {
            *used = true;
            Some((*source, sources.get(*source).far()?))
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
        let unused = self.0.iter().filter(|(_, _, used)| !used);
        let tell = |(source, _, _): &(SourceId, String, bool)| {
            let name = sources.get(*source).name().to_owned();
            let message = "no cluster file beside it speaks of this route table";
            Diagnostic::error_in("T005", Some(name), message)
                .help("write `tables:` and its name into the cluster file")
        };
        unused.map(tell).collect()
    }
}
