#pragma once

/// What is wrong with a file, in a few words of a library's or ours, ended by a zero.
typedef struct {
    char text[200];
} renorm_reason;
