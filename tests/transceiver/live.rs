//! Servers that come and go while others are served.
