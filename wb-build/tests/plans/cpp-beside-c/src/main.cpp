extern "C" int f();
int main() { return f(); }
