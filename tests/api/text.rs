//! Source as text that stays the same however it was laid out.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, FnArg, Generics, Pat, Path, Signature, Token};

/// A piece of source.
pub(crate) fn text(node: &impl ToTokens) -> String {
    tidy(&node.to_token_stream().to_string())
}

/// The head of a function under this name.
pub(crate) fn signature(signature: &Signature, name: &str) -> String {
    let mut signature = signature.clone();
    // That the function itself changes what it is given is nobody's business.
    for input in &mut signature.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                receiver.attrs.clear();
                receiver.mutability = None;
            }
            FnArg::Typed(input) => {
                input.attrs.clear();
                if let Pat::Ident(pattern) = &mut *input.pat {
                    pattern.mutability = None;
                }
            }
        }
    }
    text(&signature).replacen(&format!("fn {}", signature.ident), &format!("fn {name}"), 1)
}

/// What stands behind a name.
pub(crate) fn generics(generics: &Generics) -> String {
    let (params, bounds) = parameters(generics);
    params + &bounds
}

/// What stands behind `impl`, and behind `where`.
pub(crate) fn parameters(generics: &Generics) -> (String, String) {
    let bounds = generics.where_clause.as_ref();
    let bounds = bounds.map(|bounds| format!(" {}", text(bounds)));
    (text(generics), bounds.unwrap_or_default())
}

/// Whether it speaks of what others cannot reach.
pub(crate) fn is_hidden(text: &str) -> bool {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .any(|word| word == "crate")
}

/// The traits in `#[derive(...)]`.
pub(crate) fn derives(attributes: &[Attribute]) -> Vec<String> {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let paths = derives.flat_map(|derive| {
        let parser = Punctuated::<Path, Token![,]>::parse_terminated;
        derive.parse_args_with(parser).expect("it compiles")
    });
    paths.map(|path| path.to_token_stream().to_string()).collect()
}

/// The same with blanks where rustfmt would have them, however its tokens were printed and its lines
/// were broken.
pub(crate) fn tidy(text: &str) -> String {
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '\'' | '"');
    let mut dense = String::new();
    for part in text.split_whitespace() {
        let (before, after) = (dense.chars().next_back(), part.chars().next());
        let is_apart = before.zip(after).is_some_and(|(before, after)| {
            is_word(after) && (is_word(before) || matches!(before, '>' | ')' | ']' | '}'))
                || before == ']' && after == '#'
                || after == '{' && before != '#'
                || before == '{'
                || after == '}'
        });
        dense += if is_apart { " " } else { "" };
        dense += part;
    }
    for (from, to) in [
        (",)", ")"),
        (",>", ">"),
        ("->", " -> "),
        (",", ", "),
        ("::", "\0"),
        (":", ": "),
        ("\0", "::"),
        ("=", " = "),
        ("+", " + "),
        (";", "; "),
        ("&'_", "&'_ "),
    ] {
        dense = dense.replace(from, to);
    }
    let words: Vec<_> = dense.split_whitespace().collect();
    words.join(" ").trim_end_matches(',').to_owned()
}
