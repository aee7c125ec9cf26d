# Words of a text by how often they come, a small object system, and strings built up.
Entry = Struct.new(:word, :count)
text = (1..4000).map { |i| "w#{(i * 7919) % 613}" }.join(" ")
counts = Hash.new(0)
text.split.each { |word| counts[word] += 1 }
entries = counts.map { |word, count| Entry.new(word, count) }.sort_by { |entry| [-entry.count, entry.word] }
puts entries.first(5).map { |entry| "#{entry.word}=#{entry.count}" }.join(", ")
puts text.gsub(/w(\d)(\d)/) { "#{$2}#{$1}" }.sum
puts (1..200).select { |n| (2..Math.sqrt(n)).none? { |d| (n % d).zero? } }.inspect.length
