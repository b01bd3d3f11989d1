//! Full names in the place of those that a module knows: what a name means may change far from where it
//! is used.

use quote::format_ident;
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Path, PathSegment, Token};

use crate::names::Names;
use crate::tree::{Place, Tree};

/// The same tree with the names by which others know what items speak of. What others cannot reach has
/// the name that it has in the crate.
pub(crate) fn with_full_names(tree: &Tree, names: &Names<'_>) -> Tree {
    let mut full = tree.clone();
    for (place, module) in &mut full.modules {
        let mut rewriter = Rewriter { names, place };
        module.items.iter_mut().for_each(|item| rewriter.visit_item_mut(item));
    }
    full
}

struct Rewriter<'a> {
    names: &'a Names<'a>,
    place: &'a Place,
}

impl VisitMut for Rewriter<'_> {
    fn visit_path_mut(&mut self, path: &mut Path) {
        visit_mut::visit_path_mut(self, path);
        let segments: Place = path.segments.iter().map(|part| part.ident.to_string()).collect();
        // Behind a type may stand one of its own.
        for length in (1..=segments.len()).rev() {
            let found = self.names.resolve(self.place, &segments[..length]);
            if let Some(name) = self.names.best(&found) {
                replace(path, length, &name);
                return;
            }
        }
    }

    fn visit_block_mut(&mut self, _: &mut Block) {}
}

/// Puts a name in the place of the first parts of a path; the last of these keeps its arguments.
fn replace(path: &mut Path, length: usize, name: &[String]) {
    let mut parts: Punctuated<PathSegment, Token![::]> = Punctuated::new();
    parts.extend(name.iter().map(|name| PathSegment::from(format_ident!("{name}"))));
    let mut rest = path.segments.iter().skip(length - 1).cloned();
    if let (Some(end), Some(last)) = (parts.last_mut(), rest.next()) {
        end.arguments = last.arguments;
    }
    parts.extend(rest);
    path.segments = parts;
}
