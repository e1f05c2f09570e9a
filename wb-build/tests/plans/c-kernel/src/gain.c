int process(int len) { return len; }
