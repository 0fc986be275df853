#pragma once

// SwiftPM calls a program's `main` so until it is linked, and libFuzzer's would not be found.
int fuzz_main(int count, char **arguments);
