//! Where in a pattern something stands, as a JSON pointer (RFC 6901) once it is asked for.

use std::fmt::Write as _;

/// A place in the pattern: the place around it, and the last step.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a>(pub(crate) Option<(&'a Place<'a>, Step<'a>)>);

#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    pub(crate) fn name(&'a self, name: &'a str) -> Self {
        Self(Some((self, Step::Name(name))))
    }

    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self(Some((self, Step::Index(index))))
    }

    pub(crate) fn pointer(&self) -> String {
        let Some((around, step)) = self.0 else { return String::new() };
        let mut pointer = around.pointer();
        pointer.push('/');
        match step {
            Step::Name(name) => pointer.push_str(&escape(name)),
            Step::Index(index) => drop(write!(pointer, "{index}")),
        }
        pointer
    }
}

/// RFC 6901, section 3.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
