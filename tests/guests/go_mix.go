// go_mix N: goroutines, channels, maps, formatting and sorting, N jobs (default 200).
package main

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
)

type result struct {
	job   int
	words map[string]int
	sum   uint64
}

func next(state uint64) uint64 {
	state ^= state << 13
	state ^= state >> 7
	state ^= state << 17
	return state
}

func work(job int) result {
	r := result{job: job, words: map[string]int{}}
	state := uint64(job)*2654435761 + 88172645463325252
	var line strings.Builder
	for i := 0; i < 100; i++ {
		state = next(state)
		r.sum += state >> 32
		fmt.Fprintf(&line, "w%d ", state%50)
	}
	for _, word := range strings.Fields(line.String()) {
		r.words[word]++
	}
	return r
}

func main() {
	jobs := 200
	if len(os.Args) > 1 {
		if n, err := strconv.Atoi(os.Args[1]); err == nil {
			jobs = n
		}
	}
	in := make(chan int)
	out := make(chan result, 4)
	var workers sync.WaitGroup
	for i := 0; i < 8; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for job := range in {
				out <- work(job)
			}
		}()
	}
	go func() {
		for job := 0; job < jobs; job++ {
			in <- job
		}
		close(in)
		workers.Wait()
		close(out)
	}()

	total := map[string]int{}
	var sum uint64
	count := 0
	for r := range out {
		count++
		sum += r.sum * uint64(r.job+1)
		for word, n := range r.words {
			total[word] += n
		}
	}

	words := make([]string, 0, len(total))
	for word := range total {
		words = append(words, word)
	}
	sort.Slice(words, func(i, j int) bool {
		a, b := words[i], words[j]
		if total[a] != total[b] {
			return total[a] > total[b]
		}
		return a < b
	})
	fmt.Printf("jobs: %d, words: %d, sum: %016x\n", count, len(words), sum)
	for _, word := range words[:3] {
		fmt.Printf("  %-5s%8d\n", word, total[word])
	}
}
