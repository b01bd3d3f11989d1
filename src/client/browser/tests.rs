//! Tests of the pretended browser.
