// cpp_mix N: containers, strings, virtual calls and sorting of the C++ library, N rounds (default
// 2000).
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace
{

struct Random {
    std::uint64_t state = 88172645463325252u;
    std::uint64_t next()
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
    }
};

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
    virtual std::string name() const = 0;
};

struct Circle final : Shape {
    explicit Circle(double radius) : radius(radius) {}
    double area() const override
    {
        return 3.14159265358979 * radius * radius;
    }
    std::string name() const override
    {
        return "circle";
    }
    double radius;
};

struct Box final : Shape {
    Box(double width, double height) : width(width), height(height) {}
    double area() const override
    {
        return width * height;
    }
    std::string name() const override
    {
        return "box";
    }
    double width, height;
};

} // namespace

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 2000;
    Random random;
    std::map<std::string, long> counts;
    std::vector<std::unique_ptr<Shape>> shapes;

    for (long i = 0; i < rounds; i++) {
        std::uint64_t r = random.next();
        std::string key = "key-" + std::to_string(r % 500);
        counts[key] += static_cast<long>(r >> 60);
        if (r % 7 == 0)
            counts.erase("key-" + std::to_string(r % 499));
        double size = static_cast<double>(r % 1000) / 10;
        if (r & 1024)
            shapes.push_back(std::make_unique<Circle>(size));
        else
            shapes.push_back(std::make_unique<Box>(size, size / 2));
        if (shapes.size() > 1000)
            shapes.erase(shapes.begin(), shapes.begin() + 500);
    }

    std::sort(shapes.begin(), shapes.end(), [](const auto &a, const auto &b) {
        return a->area() != b->area() ? a->area() < b->area() : a->name() < b->name();
    });
    double total = 0;
    for (const auto &shape : shapes)
        total += shape->area();
    long sum = 0;
    std::string keys;
    for (const auto &[key, count] : counts) {
        sum += count;
        keys += key;
    }
    std::printf("keys: %zu, sum: %ld, letters: %zu\n", counts.size(), sum, keys.size());
    std::printf("first: %s, last: %s\n", counts.begin()->first.c_str(),
                counts.rbegin()->first.c_str());
    std::printf("shapes: %zu, total area: %.6f, median: %s %.6f\n", shapes.size(), total,
                shapes[shapes.size() / 2]->name().c_str(), shapes[shapes.size() / 2]->area());
    return 0;
}
