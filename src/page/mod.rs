//! The status page: a view of what is published, as HTML.
